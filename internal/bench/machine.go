package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// machine says what the figures were made on and of.
func (b *bench) machine() string {
	version, err := exec.CommandContext(b.ctx, b.program, "version").Output()
	b.check("ask earshot for its version", err)
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	b.check("read the kernel's version", err)
	s := &strings.Builder{}
	fmt.Fprintf(s, "- %s, commit %s\n", strings.TrimSpace(string(version)), b.commit())
	fmt.Fprintf(s, "- %d cores of %s, %s of memory, Linux %s\n", runtime.NumCPU(), processorName(), gib(meminfo("MemTotal")), strings.TrimSpace(string(kernel)))
	fmt.Fprintf(s, "- files in %s (%s), hosts in network namespaces that share the cores\n", b.options.dir, fileSystem(b.options.dir))
	for _, t := range []tool{rsyncTool, sshTool, iperfTool, tarTool} {
		if v := versionOf(t); v != "" {
			fmt.Fprintf(s, "- %s\n", v)
		}
	}
	return s.String()
}

// commit is what the program was built of.
func (b *bench) commit() string {
	out, err := exec.CommandContext(b.ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// processorName is the model of the first core, empty where Linux tells none.
func processorName() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	return fieldOf(string(text), "model name")
}

// meminfo is a line of /proc/meminfo in bytes, 0 where there is none.
func meminfo(line string) int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	kb, _ := strconv.ParseInt(strings.TrimSuffix(fieldOf(string(text), line), " kB"), 10, 64)
	return kb << 10
}

// fieldOf is what stands behind the first "name:" that begins a line.
func fieldOf(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fileSystem is the kind of file system that a folder is in.
func fileSystem(dir string) string {
	out, _ := exec.Command("stat", "-f", "-c", "%T", dir).Output() // empty where it cannot tell
	return strings.TrimSpace(string(out))
}
