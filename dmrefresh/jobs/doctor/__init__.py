"""doctor: whether this machine, its keys, buckets and databases have what a backup and a refresh need.

Every check is made, whatever the ones before it found; what mends it stands beside each that did not go well. Nothing
is changed but for one small object of the doctor's own in each bucket that is written to, see `probe`.
"""
