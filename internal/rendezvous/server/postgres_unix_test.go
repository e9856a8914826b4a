//go:build !windows

package server

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// other is who runs PostgreSQL, which refuses to be root's.
func other() (uid, gid int, needed bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ = strconv.Atoi(u.Uid)
			gid, _ = strconv.Atoi(u.Gid)
			return uid, gid, true
		}
	}
	return 65534, 65534, true
}

func giveAway(dir string) error {
	if uid, gid, needed := other(); needed {
		return os.Chown(dir, uid, gid)
	}
	return nil
}

func asAnother(cmd *exec.Cmd) {
	if uid, gid, needed := other(); needed {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}
