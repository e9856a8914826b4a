package server

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		theCluster.stop()
		exit(code)
	}), goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}
