package discovery

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// maxAdapters bounds the list of adapters in bytes.
const maxAdapters = 1 << 20

// searchDomains are the suffixes of the network adapters, and the domain that the
// person is signed in to.
func searchDomains() []string {
	domains := []string{os.Getenv("USERDNSDOMAIN")}
	const flags = windows.GAA_FLAG_SKIP_UNICAST | windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST | windows.GAA_FLAG_SKIP_DNS_SERVER
	for size := uint32(16 << 10); size <= maxAdapters; {
		buf := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, first, &size)
		if errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) {
			continue // size is what it takes now
		}
		for a := first; err == nil && a != nil; a = a.Next {
			domains = append(domains, windows.UTF16PtrToString(a.DnsSuffix))
		}
		break
	}
	return domains
}
