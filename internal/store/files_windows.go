package store

// syncDir does nothing: Windows has no fsync of folders, and NTFS journals
// names by itself.
func syncDir(string) error { return nil }
