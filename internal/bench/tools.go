package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"earshot/internal/lab"
)

// tool is a program that may be installed, with the Debian package that brings
// it and how it says its version.
type tool struct{ program, brings, version string }

var (
	rsyncTool = tool{"rsync", "rsync", "--version"}
	sshTool   = tool{"ssh", "openssh-client", "-V"}
	sshdTool  = tool{"sshd", "openssh-server", ""}
	iperfTool = tool{"iperf3", "iperf3", "--version"}
	tarTool   = tool{"tar", "tar", "--version"}
	nftTool   = tool{"nft", "nftables", "--version"}
)

// lacks says which of the tools are not there, empty when none.
func lacks(tools []tool) string {
	var missing []string
	for _, t := range tools {
		if _, err := exec.LookPath(t.program); err != nil {
			missing = append(missing, t.brings)
		}
	}
	return strings.Join(missing, " ")
}

// answers waits until a server listens on a port of its host.
func (b *bench) answers(server *process, host *lab.Host, port int) {
	b.until(fmt.Sprintf("%s to listen", nameOf(server.cmd)), server, func() bool {
		out, err := host.Command(b.ctx, "ss", "-Hltn", "sport", "=", strconv.Itoa(port)).Output()
		b.check("look at ports with ss", err)
		return len(out) > 0
	})
}

// versionOf is the first line of what a tool says of itself, empty where it is
// not installed.
func versionOf(t tool) string {
	out, err := exec.Command(t.program, t.version).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.Join(strings.Fields(line), " ")
}
