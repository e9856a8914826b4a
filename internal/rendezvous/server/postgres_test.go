package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// cluster is a PostgreSQL server of the tests' own: in a temporary folder, on a
// socket there, as another user where the tests are root's.
type cluster struct {
	once sync.Once
	dir  string
	why  string // it is not there
	next atomic.Int64
}

var theCluster cluster

// tool is where one of PostgreSQL's programs is; Debian keeps them off the path.
func tool(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

func (c *cluster) start() {
	if tool("initdb") == "" || tool("pg_ctl") == "" {
		c.why = "no PostgreSQL here: initdb and pg_ctl are neither on the path nor in /usr/lib/postgresql"
		return
	}
	var err error
	if c.dir, err = os.MkdirTemp("", "earshot-pg-"); err == nil {
		err = giveAway(c.dir)
	}
	if err == nil {
		err = c.run("initdb", "-D", filepath.Join(c.dir, "data"), "-U", "earshot", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	}
	if err == nil {
		err = c.run("pg_ctl", "-D", filepath.Join(c.dir, "data"), "-w", "-t", "60", "-l", filepath.Join(c.dir, "log"),
			"-o", fmt.Sprintf("-c listen_addresses='' -k %s -c max_connections=200 -c fsync=off", c.dir), "start")
	}
	if err != nil {
		c.why = fmt.Sprintf("PostgreSQL does not start: %v", err)
		panic(c.why) // it is installed: that is no reason to skip
	}
}

func (c *cluster) run(name string, args ...string) error {
	cmd := exec.Command(tool(name), args...)
	cmd.Dir = c.dir
	asAnother(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func (c *cluster) stop() {
	if c.dir == "" {
		return
	}
	_ = c.run("pg_ctl", "-D", filepath.Join(c.dir, "data"), "-m", "immediate", "-w", "stop")
	os.RemoveAll(c.dir)
}

// newPostgres is the address of an empty database.
func newPostgres(t *testing.T) string {
	t.Helper()
	theCluster.once.Do(theCluster.start)
	if theCluster.why != "" {
		t.Skip(theCluster.why)
	}
	address := func(name string) string {
		return fmt.Sprintf("postgres://earshot@/%s?host=%s", name, theCluster.dir)
	}
	conn, err := pgx.Connect(t.Context(), address("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := fmt.Sprintf("test%d", theCluster.next.Add(1))
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return address(name)
}
