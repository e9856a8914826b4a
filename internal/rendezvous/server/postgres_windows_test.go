package server

import "os/exec"

func giveAway(string) error { return nil }

func asAnother(*exec.Cmd) {}
