package discovery

const hostSeed = "X"

func runHost(string) int { return 0 }
