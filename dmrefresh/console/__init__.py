"""What a person sees: lines, lists, and what errors may say."""
