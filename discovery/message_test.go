package discovery

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/miekg/dns"
)

// suffix follows a device's label in its instance name.
var suffix = "." + devices.name()

// lan is the link that most tests are on.
var lan = testLink(2, "eth0", "10.77.0.2/16", "fe80::2/64", "fd77::2/64")

// testZone has the records of self on link l.
func testZone(t testing.TB, self Self, l link) *zone {
	t.Helper()
	z := newZone(devices, new(atomic.Int64))
	var addrs []netip.Addr
	for _, p := range l.prefixes {
		if !p.Addr().IsLinkLocalUnicast() {
			addrs = append(addrs, p.Addr())
		}
	}
	told := text{id: self.ID, instance: self.Instance, name: self.Name, addrs: addrs}
	if err := z.set(announced{label: self.ID.Label(), port: self.Port, addrs: l.addrs(), txt: told.strings()}); err != nil {
		t.Fatal(err)
	}
	return z
}

// announcementOf is what self sends on link l.
func announcementOf(t testing.TB, self Self, l link) []byte {
	t.Helper()
	message, err := packAnnouncement(testZone(t, self, l).all())
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func TestAnAnnouncementSaysEverything(t *testing.T) {
	packed := announcementOf(t, selfNamed(1, "Ann 张.\\"), lan)
	if len(packed) > 700 {
		t.Errorf("announcement has %d bytes", len(packed))
	}
	m, err := parse(packed)
	if err != nil || len(m.claims) != 1 {
		t.Fatalf("got %+v, %v", m, err)
	}
	c := m.claims[0]
	if c.id != seedID(1) || c.label != seedID(1).Label() || c.instance != instance(1) || c.name != "Ann 张.\\" || c.port != 7420 {
		t.Errorf("got %+v", c)
	}
	want := []netip.Addr{netip.MustParseAddr("10.77.0.2"), netip.MustParseAddr("fe80::2"), netip.MustParseAddr("fd77::2")}
	if !slices.Equal(c.named, want) {
		t.Errorf("addresses %v, want %v", c.named, want)
	}
	for _, rr := range m.dns.Answer {
		if shared := rr.Header().Rrtype == dns.TypePTR; shared == (rr.Header().Class&flush != 0) {
			t.Errorf("cache-flush bit of %v", rr)
		}
	}
}

func TestTheLongestAnnouncementIsRead(t *testing.T) {
	l := testLink(2, "eth0")
	for i := range 20 {
		l.prefixes = append(l.prefixes, netip.PrefixFrom(netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:1000"), 64))
		l.prefixes[i] = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i + 1)}), 64)
	}
	m, err := parse(announcementOf(t, selfNamed(1, strings.Repeat("张", 64)), l))
	if err != nil || len(m.claims) != 1 || len(m.claims[0].named) != maxAddrs {
		t.Errorf("got %+v, %v", m.claims, err)
	}
}

func TestAGoodbyeIsAGoodbyeOnly(t *testing.T) {
	packed, err := packGoodbye(devices, seedID(1).Label())
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(packed)
	if err != nil || !slices.Equal(m.goodbyes, []uuid.UUID{seedID(1).Label()}) || len(m.claims) != 0 {
		t.Errorf("got %+v, %v", m, err)
	}
}

// A program that takes back every record, not the PTR record alone.
func TestAFullGoodbyeIsNoClaim(t *testing.T) {
	records := testZone(t, selfNamed(1, "Ann"), lan).all()
	for _, rr := range records {
		rr.Header().Ttl = 0
	}
	packed, _ := packResponse(records)
	if m, err := parse(packed); err != nil || len(m.goodbyes) != 1 || len(m.claims) != 0 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestQuestions(t *testing.T) {
	ours, err := packQuestion(devices)
	if err != nil {
		t.Fatal(err)
	}
	known := new(dns.Msg).SetQuestion("_EARSHOT._tcp.local.", dns.TypePTR)
	known.Answer = testZone(t, selfNamed(1, ""), lan).all()[:1]
	stale := known.Copy()
	stale.Answer[0].Header().Ttl = 10
	for _, c := range []struct {
		name    string
		packed  []byte
		asks    bool
		suppose int
	}{
		{"ours", ours, true, 0},
		{"any", packed(t, new(dns.Msg).SetQuestion("_earshot._TCP.local.", dns.TypeANY)), true, 0},
		{"of somebody who knows us", packed(t, known), true, 1},
		{"of somebody whose knowledge ends", packed(t, stale), true, 0},
		{"for a printer", packed(t, new(dns.Msg).SetQuestion("_ipp._tcp.local.", dns.TypePTR)), false, 0},
	} {
		m, err := parse(c.packed)
		if err != nil || m.asks != c.asks || len(m.known) != c.suppose {
			t.Errorf("%s: got %+v, %v", c.name, m, err)
		}
	}
}

func packed(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestForeignAndBrokenPackets(t *testing.T) {
	record := func(s string) dns.RR {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Fatal(err)
		}
		return rr
	}
	label := seedID(1).Label().String()
	key := `"k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"`
	srv, txt := record(label+suffix+" 120 IN SRV 0 0 7420 x.local."), record(label+suffix+" 120 IN TXT "+key)
	other := seedID(2).Label().String()
	for name, records := range map[string][]dns.RR{
		"a printer":           {record("_ipp._tcp.local. 120 IN PTR p._ipp._tcp.local."), record("p._ipp._tcp.local. 120 IN SRV 0 0 631 p.local.")},
		"no TXT":              {srv},
		"no SRV":              {txt},
		"a key in TXT of two": {srv, record(label + suffix + ` 120 IN TXT "k=AAAA"`)},
		"another's label":     {record(other + suffix + " 120 IN SRV 0 0 7420 x.local."), record(other + suffix + " 120 IN TXT " + key)},
		"a label that is no UUID": {record("ann" + suffix + " 120 IN SRV 0 0 7420 x.local."),
			record("ann" + suffix + " 120 IN TXT " + key)},
		"too many records": slices.Repeat([]dns.RR{srv, txt}, maxRecords/2+1),
	} {
		packed, err := packResponse(records)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m, _ := parse(packed); len(m.claims) != 0 {
			t.Errorf("%s: got %+v", name, m.claims)
		}
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "a header alone": make([]byte, 11), "2 KB and one": make([]byte, maxPacket+1),
		"a refusal": packed(t, &dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Rcode: dns.RcodeRefused}}),
	} {
		if _, err := parse(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTwoDevicesInOnePacket(t *testing.T) {
	records := slices.Concat(testZone(t, selfNamed(1, "Ann"), lan).all(), testZone(t, selfNamed(2, "Bob"), testLink(2, "eth0", "10.77.0.3/16")).all())
	packed, err := packAnnouncement(records)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(packed)
	if err != nil || len(m.claims) != 2 {
		t.Fatalf("got %+v, %v", m.claims, err)
	}
	for _, c := range m.claims {
		if want := map[string]string{"Ann": "10.77.0.2", "Bob": "10.77.0.3"}[c.name]; c.named[0].String() != want {
			t.Errorf("%s is at %v, want %s", c.name, c.named, want)
		}
	}
}

// golden is what seed 01 sends, as bytes: another implementation can check
// itself with it.
const golden = "000084000000000500000000085f65617273686f74045f746370056c6f63616c00000c000100000078002724396434323463" +
	"65332d363865632d353737632d386361352d616661653062336530343865c00cc02b0021800100000078001e000a00011cfc" +
	"1065617273686f742d3964343234636533056c6f63616c00c064000180010000007800040a4d0002c064001c800100000078" +
	"0010fe800000000000000000000000000002c02b0010800100000078007909747874766572733d3103703d312d6b3d696f6a" +
	"6a3358514a385a583955747374504c70646373706e436238646c424962383353494162515062317726693d30303030303030" +
	"302d303030302d343030302d383030302d303030303030303030303031096e3d416e6e20e5bca00b613d31302e37372e302e" +
	"32"

func TestTheGoldenAnnouncement(t *testing.T) {
	self := Self{ID: seedID(1), Instance: instance(1), Name: "Ann 张", Port: 7420}
	packed := announcementOf(t, self, testLink(2, "eth0", "10.77.0.2/16", "fe80::2/64"))
	if got := hex.EncodeToString(packed); got != golden {
		t.Errorf("got  %s\nwant %s", got, golden)
	}
}

func TestInstanceNamesAreOfOneForm(t *testing.T) {
	label := seedID(1).Label()
	for name, want := range map[string]bool{
		devices.instance(label):                                 true,
		strings.ToUpper(devices.instance(label)):                true,
		"urn:uuid:" + devices.instance(label):                   false,
		strings.ReplaceAll(devices.instance(label), "-", ""):    false,
		label.String() + "._ipp._tcp.local.":                    false,
		label.String():                                          false,
		"":                                                      false,
		"{" + label.String() + "}" + suffix:                     false,
		strings.Replace(devices.instance(label), "9", "x", 1):   false,
		"x" + devices.instance(label)[1:]:                       false,
		label.String() + "." + suffix[1:len(suffix)-1] + "\x00": false,
	} {
		if _, ok := devices.label(name); ok != want {
			t.Errorf("devices.label(%q): %v", name, ok)
		}
	}
}

func FuzzPacket(f *testing.F) {
	goodbye, _ := packGoodbye(devices, seedID(1).Label())
	question, _ := packQuestion(devices)
	for _, seed := range [][]byte{announcementOf(f, selfNamed(1, "Ann 张"), lan), goodbye, question} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parse(data)
		if err != nil {
			return
		}
		if len(m.claims)+len(m.goodbyes)+len(m.known) > maxRecords {
			t.Fatalf("%d claims, %d goodbyes, %d known", len(m.claims), len(m.goodbyes), len(m.known))
		}
		for _, c := range m.claims {
			if c.id.Label() != c.label || len(c.name) > maxNameBytes || len(c.named) > maxRecords+maxNamed {
				t.Fatalf("claim %+v", c)
			}
		}
	})
}
