package peer

// withoutUmask runs f: there is no umask here.
func withoutUmask(f func()) { f() }
