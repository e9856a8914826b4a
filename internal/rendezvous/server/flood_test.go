package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

const (
	// floodTarget names a server and its realm in the environment of a process of the
	// tests that is to flood it with log-ins, and nothing else.
	floodTarget = "EARSHOT_TEST_FLOOD"
	// flooding is how long log-ins come, so many a second, from so many addresses of
	// this machine: a few would be stopped by what one address may try.
	flooding, floodEach, floodAddresses = 30 * time.Second, 500, 5000
	// floodUsers is how many accounts they are for.
	floodUsers = 500
)

// flood has strangers log in, and prints how many did so, and how many signed in.
func flood(target string) int {
	var f flooder
	var realm string
	_, err := fmt.Sscan(target, &f.address, &realm)
	if err == nil {
		f.realm, err = peer.ParseID(realm)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	asked := f.logIns()
	fmt.Println(asked, f.right.Load())
	return 0
}

// flooder is many strangers.
type flooder struct {
	address string
	realm   peer.ID
	right   atomic.Int64 // signed in
}

// logIns begins log-ins, whatever became of those before, and says how many.
func (f *flooder) logIns() (asked int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for begun := time.Now(); time.Since(begun) < flooding; <-tick.C {
		for due := int(time.Since(begun).Seconds() * floodEach); asked < due; asked++ {
			n := asked
			wg.Go(func() { f.logIn(n) })
		}
	}
	return asked
}

// logIn is the n-th log-in, each by another device and every other one with a wrong
// password.
func (f *flooder) logIn(n int) {
	at := rand.IntN(floodAddresses)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 3, byte(at>>8), byte(at))}}
	client, err := rendezvous.NewClient(rendezvous.ClientConfig{
		Identity: peer.NewIdentity([32]byte{byte(n), byte(n >> 8), 9}), Realm: f.realm,
		Addresses: []string{f.address}, Dial: dialer.DialContext,
	})
	if err != nil {
		return
	}
	defer client.Close()
	with := rendezvous.Credentials{User: fmt.Sprintf("user%d", n/2%floodUsers), Password: password}
	if n%2 == 0 {
		with.Password = "wrong horse battery"
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := client.Login(ctx, with); err == nil {
		f.right.Add(1)
	}
}
