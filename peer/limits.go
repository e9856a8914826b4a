package peer

import "time"

// The limits of connections and sessions. What a peer proposes is clamped to
// them; what exceeds them is refused, before anything is allocated for it.
const (
	// DefaultPort is where a node listens; the next free one is taken where
	// another program has it.
	DefaultPort = 7420
	// portTries is how many ports from DefaultPort on are tried before the
	// system chooses: more nodes on one machine are rare.
	portTries = 32

	// minPeerPort is the lowest port that is believed to be a peer's: below it
	// are other services, to which nobody shall make us connect.
	minPeerPort = 1024

	// HelloFrame is the longest frame before the peer's hello was read, in bytes
	// of type and payload. A hello with a ticket of 1 KiB is far below it.
	HelloFrame = 4 << 10
	// ControlFrame is the longest frame of a session: a text of 32 KiB with
	// its header fits twice.
	ControlFrame = 64 << 10
	// DataFrame is the longest frame of a data connection: a piece of 128 KiB and
	// what surrounds it.
	DataFrame = PieceSize + 4<<10

	// maxNesting and the two below bound what CBOR may make the decoder
	// allocate; the deepest message has 5 levels.
	maxNesting  = 16
	maxElements = 16 << 10
	maxPairs    = 256

	// handshakeTime and helloTime bound what an unproven connection may hold.
	// They are absolute: bytes that trickle in do not prolong them.
	handshakeTime = 5 * time.Second
	helloTime     = 5 * time.Second
	// maxHandshakes bounds connections whose hello was not read yet, and
	// reservedHandshakes is the part of them kept for addresses of known peers:
	// strangers who say nothing must not lock them out.
	maxHandshakes        = 32
	reservedHandshakes   = 8
	maxAddressHandshakes = 8

	// maxStrangers and maxAddressStrangers bound sessions with devices that are
	// not contacts. When full, a stranger is refused; nobody is put out.
	maxStrangers        = 256
	maxAddressStrangers = 32

	// MaxDataConns bounds the data connections with one peer, whoever dialled.
	MaxDataConns = 8

	// sendQueue is what waits to be written to one peer, in bytes; the rest
	// stays in the store.
	sendQueue = 256 << 10
	// receiveWindow is what was read from one peer and is not Done, in bytes.
	// Beyond it the session reads no further, so TCP slows the peer down.
	receiveWindow = 256 << 10

	// pingInterval of silence asks whether the peer is there; watchedInterval is
	// used where something is under way, open on the screen, or was sent and
	// nothing came back. A pair costs three packets in 15 s.
	pingInterval    = 15 * time.Second
	watchedInterval = 5 * time.Second
	// silentHalves halves of an interval (2.5 intervals) without a byte end a
	// session: two pings got lost, or what answers them.
	silentHalves = 5
	// frameTime is how long one frame may take from its first byte to its last,
	// in either direction.
	frameTime = 60 * time.Second
	// farewellTime is what a bye may take: a peer that does not read must not
	// hold up anybody's close.
	farewellTime = 250 * time.Millisecond
	// userTimeout is TCP_USER_TIMEOUT: a half-open connection with unsent data
	// was not noticed in 170 s by keepalive alone.
	userTimeout = 10 * time.Second
	// contestTime is what the favourite of two sessions of a pair has to answer
	// one ping.
	contestTime = 2 * time.Second
	// checkTime is what a session has to show a sign of life after the network
	// changed.
	checkTime = 2 * time.Second

	// RedialGrace is how long a peer whose session ended may take to be reached
	// again before it counts as gone. A Wi-Fi that is silent for a moment must
	// not blink.
	RedialGrace = 3 * time.Second
	// politeWait is how much longer the device with the larger key waits before
	// it dials, so that the two rarely dial each other at once.
	politeWait = time.Second
	// dialSpread is the longest random wait before a peer is dialled that was
	// just heard of: everybody on the network heard of it at the same moment.
	dialSpread = 200 * time.Millisecond
	// dialSlot is what one handshake may take of that: with few peers nobody
	// need wait. (A handshake costs each side about 1 ms of a core.)
	dialSlot = 4 * time.Millisecond
	// minBackoff and maxBackoff bound the wait between attempts.
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
	// settled is how long a session must have lasted for its end to be answered
	// by an attempt at once: who accepts and hangs up gets the backoff.
	settled = 10 * time.Second
	// maxDials bounds attempts under way at once to peers that are not in their
	// RedialGrace.
	maxDials = 16
	// maxChallenges bounds attempts under way at once to find a copy of this device:
	// there are few copies, and many who can make up where one is.
	maxChallenges = 4
	// hurriedDial is what an attempt may still take when newer addresses wait: a
	// peer that is there answers far sooner, and a flood of false addresses does
	// not keep it from being reached.
	hurriedDial = time.Second
	// maxAddrs bounds the addresses remembered for a peer, and addressHeadStart
	// is how long each may answer before the next one is tried beside it.
	maxAddrs         = 8
	addressHeadStart = 250 * time.Millisecond

	// sleepJump is how far the wall clock may run ahead of the monotonic one
	// before it counts as sleep, and sleepCheck how often that is looked at.
	sleepJump  = 5 * time.Second
	sleepCheck = 2 * time.Second

	// refusalLog is the shortest time between two warnings about refused
	// connections: an attacker must not fill the log.
	refusalLog = time.Minute
)
