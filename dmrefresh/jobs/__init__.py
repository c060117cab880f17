"""What a user can ask for, one file a story; the rooms are one for each kind of thing that it is about."""
