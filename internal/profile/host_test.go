package profile

import "testing"

func TestHostPort(t *testing.T) {
	for _, c := range []struct {
		text, host string
		port       uint16
	}{
		{"10.0.0.3", "10.0.0.3", 7420}, {"10.0.0.3:80", "10.0.0.3", 80}, {"pc-3", "pc-3", 7420}, {"pc-3.lan:9", "pc-3.lan", 9},
		{"::1", "::1", 7420}, {"[::1]:9", "::1", 9}, {"[::1]", "::1", 7420}, {"fe80::1%eth0", "fe80::1%eth0", 7420}, {" x ", "x", 7420},
	} {
		host, port, err := HostPort(c.text)
		if err != nil || host != c.host || port != c.port {
			t.Errorf("%q: got %q %d %v", c.text, host, port, err)
		}
	}
	for _, text := range []string{"", ":", "host:0", "host:99999", "a b", "[::1", "x:y:z", "a/b", "me@host", "10.0.0.1:"} {
		if host, port, err := HostPort(text); err == nil {
			t.Errorf("%q was taken, as %q %d", text, host, port)
		}
	}
}
