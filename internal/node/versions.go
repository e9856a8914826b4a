package node

import (
	"strconv"
	"strings"

	"earshot/peer"
)

// Which version of the protocol a device speaks is its own word. A verified contact
// that goes back to an older one may have an older program, or lost its key to
// somebody who has reasons to: the person decides, and until then nothing goes to it.

// spokenVersion begins the settings that remember the highest version of the protocol
// that a verified contact offered.
const spokenVersion = "version "

// noteVersion takes the highest version that a device offers.
func (n *Node) noteVersion(p *person, offered uint64) {
	p.offers = offered
	if offered < p.version && !p.verified.IsZero() {
		n.warn(danger{downgrade, p.id}, "%s, whom you verified, speaks an older version of the protocol than before (%d, it was %d). "+
			"Nothing is sent there until you say that this is right: compare the safety number again.", p.name, offered, p.version)
		return
	}
	n.takeVersion(p)
}

// takeVersion takes what a device offers for right, and remembers it of who is
// verified.
func (n *Node) takeVersion(p *person) {
	if p.offers == 0 || p.offers == p.version {
		return
	}
	p.version = p.offers
	n.keepVersion(p)
}

func (n *Node) keepVersion(p *person) {
	if p.verified.IsZero() || p.version == 0 {
		return
	}
	key, value := spokenVersion+p.id.String(), strconv.FormatUint(p.version, 10)
	n.desk.do("remember which version "+p.name.String()+" speaks", func() error { return n.db.SetSetting(key, value) })
}

// older reports whether a verified contact went back to an older version, and the
// person did not say that this is right.
func (p *person) older() bool {
	return !p.verified.IsZero() && p.offers > 0 && p.offers < p.version
}

// loadVersions reads what was remembered of them.
func (n *Node) loadVersions() error {
	spoken, err := n.db.Settings(spokenVersion)
	for key, value := range spoken {
		id, err := peer.ParseID(strings.TrimPrefix(key, spokenVersion))
		if p, known := n.people[id]; known && err == nil {
			p.version, _ = strconv.ParseUint(value, 10, 64) // 0 where it is no number
		}
	}
	return err
}
