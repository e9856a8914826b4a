package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// This file reads what Linux says of a process in /proc.

// tick is the unit of processor time in /proc: USER_HZ is 100 on every platform.
const tick = 10 * time.Millisecond

// processorTime is what a process used so far, with those children of its that
// it has waited for.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(stat))
}

// parseStat adds up the fields utime, stime, cutime and cstime of proc(5). They
// are counted behind the process's name, which may hold anything.
func parseStat(stat string) (sum time.Duration, err error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 15 {
		return 0, fmt.Errorf("read stat: %d fields in %q", len(fields), stat)
	}
	for _, field := range fields[11:15] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read stat: %w", err)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}

// peakMemory is the most that a process had in memory, in bytes, since its start
// or since [forgetPeak].
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return parsePeak(string(status))
}

func parsePeak(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("read status: no VmHWM")
}

// forgetPeak has the peak counted from now on. A kernel that cannot counts on
// from the start of the process, which is never less.
func forgetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// hasChildren reports whether a process with one thread has children that it has
// not waited for.
func hasChildren(pid int) (bool, error) {
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return len(list) > 0, err
}
