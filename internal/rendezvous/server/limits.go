package server

import "time"

// The limits of a server. Before somebody has signed in nothing of him is kept for
// longer than his connection, but the tokens of his address.
const (
	// maxConnections bounds all connections: twice the devices that one server is
	// made for. maxStrangers is the part that devices may have whose log-in was not
	// seen yet, what is served within a second, and maxAddressStrangers that of one address: a whole office may be
	// behind it, and all of them come back after a restart.
	maxConnections      = 20_000
	maxStrangers        = 512
	maxAddressStrangers = 256
	// maxDeviceConnections is what one device may have once it has signed in: one that
	// heartbeats, one that asks, and some that it lost and the server does not know of.
	maxDeviceConnections = 16

	// handshakeTime bounds the TLS handshake, and the head of a request.
	handshakeTime = 5 * time.Second
	// bodyTime bounds reading a request's body, writeTime writing an answer: who
	// reads slower is dropped.
	bodyTime  = 5 * time.Second
	writeTime = 10 * time.Second
	// idleTime is how long a connection may wait for the next request: between two
	// heartbeats are milliseconds.
	idleTime = 30 * time.Second
	// stopTime is what requests under way have when the server stops.
	stopTime = 1500 * time.Millisecond

	maxHead = 4 << 10
	// maxBody is the longest body in bytes: a heartbeat with 16 addresses has 2 KiB.
	maxBody = 16 << 10
	// maxImport bounds the list of people to import in bytes: 50 have 30 KiB.
	maxImport = 64 << 10

	// maxHold is how long a heartbeat is held: proxies and firewalls forget quiet
	// connections after 30 s and more.
	maxHold = 20 * time.Second
	// spacing is the least time between two answers with news to one device, so
	// that a friend who toggles is heard of twice a second.
	spacing = 500 * time.Millisecond
	// slack is what a heartbeat may come late, and how long a device whose
	// connection broke may take to come back before its friends see it go.
	slack = 5 * time.Second
	// returnTime is how long devices have to come back after a restart before their
	// friends see them go: twice what 10,000 of them may take. To be told of each who is
	// late, and again when it comes, would keep the server from the next one.
	returnTime = 2 * time.Minute
	// maxOwed is how many friends are told of one by one; beyond it the whole list
	// is.
	maxOwed = 128
	// maxAddresses and maxAddress bound what a heartbeat says of addresses.
	maxAddresses = 16
	maxAddress   = 64

	// flushSpacing is the least time between two commits of presence.
	flushSpacing = 50 * time.Millisecond
	// flushBatch is how many devices one commit tells of.
	flushBatch = 500

	// ticketTime is how long a ticket holds, and ticketRenewed when it gets a newer
	// one: whoever is away for a long week-end comes back with a good one.
	ticketTime    = 72 * time.Hour
	ticketRenewed = 48 * time.Hour

	maxInviteUses = 1000
	usualInvite   = 7 * 24 * time.Hour
	longestInvite = 366 * 24 * time.Hour

	// maxQuery is the longest search in bytes.
	maxQuery = 128
)

// The buckets: so many at once, and so many a second after that.
var (
	strangerRate  = rate{burst: 120, each: 200 * time.Millisecond} // requests of an address that come from no account
	attemptRate   = rate{burst: 60, each: time.Second}             // log-ins and registrations of an address
	deviceRate    = rate{burst: 10, each: 10 * time.Second}        // and of a device
	guessRate     = rate{burst: 10, each: time.Minute}             // log-ins of an account by devices that are not its own
	requestRate   = rate{burst: 60, each: 100 * time.Millisecond}  // requests of a signed-in device
	heartbeatRate = rate{burst: 30, each: 200 * time.Millisecond}  // and its heartbeats
)

// maxBuckets bounds each table of buckets: some 8 MiB.
const maxBuckets = 1 << 16
