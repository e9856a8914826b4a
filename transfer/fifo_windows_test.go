package transfer_test

import "testing"

func mkfifo(t *testing.T, _ string) { t.Skip("there are no named pipes in folders here") }
