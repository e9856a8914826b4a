package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// What an administrator's account may ask of its server; it refuses others.

// OnlineDevices lists who is there, with addresses.
func (n *Node) OnlineDevices(ctx context.Context) ([]OnlineDevice, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := client.Online(ctx)
	all := make([]OnlineDevice, len(devices))
	for i, d := range devices {
		all[i] = OnlineDevice{
			User: peer.Line(d.User, 0), Account: d.Account, Device: d.Device, Address: peer.Line(d.Address, 0),
			Since: d.Since, Presence: d.Presence,
		}
	}
	return all, served(err)
}

// ListAccounts lists the accounts of the realm.
func (n *Node) ListAccounts(ctx context.Context) ([]ListedAccount, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := client.Accounts(ctx)
	all := make([]ListedAccount, len(accounts))
	for i, a := range accounts {
		all[i] = ListedAccount{
			Account: a.Account, User: peer.Line(a.User, 0), Name: peer.DisplayName(a.Name), Team: peer.DisplayName(a.Team),
			Admin: a.Admin, Disabled: a.Disabled, Devices: a.Devices, LastSeen: a.LastSeen,
		}
	}
	return all, served(err)
}

// Administer does something about an account. The password is that of a reset, for
// one log-in.
func (n *Node) Administer(ctx context.Context, user string, step AdminStep) (password string, err error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return "", err
	}
	id, err := accountOf(ctx, client, user)
	if err != nil {
		return "", err
	}
	switch step {
	case KickAccount:
		err = client.Kick(ctx, id)
	case DisableAccount, EnableAccount:
		err = client.Enable(ctx, id, step == EnableAccount)
	case ResetAccount:
		var reset rendezvous.Reset
		reset, err = client.Reset(ctx, id)
		password = reset.Password
	default:
		return "", fmt.Errorf("unknown step %q", step)
	}
	return password, served(err)
}

// accountOf finds an account by its user name.
func accountOf(ctx context.Context, client *rendezvous.Client, user string) (uuid.UUID, error) {
	accounts, err := client.Accounts(ctx)
	if err != nil {
		return uuid.Nil, served(err)
	}
	for _, a := range accounts {
		if peer.FoldName(a.User) == peer.FoldName(user) {
			return a.Account, nil
		}
	}
	return uuid.Nil, fmt.Errorf("find %s: %w", user, ErrNoAccount)
}

// Invite makes a join link with a code for new people.
func (n *Node) Invite(ctx context.Context, i Invitation) (link string, err error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return "", err
	}
	invited, err := client.Invite(ctx, rendezvous.Invite{Uses: i.Uses, Until: i.Until.UTC().Truncate(time.Second)})
	if err != nil {
		return "", served(err)
	}
	parsed, err := rendezvous.ParseLink(invited.Link)
	if err != nil || parsed.Realm != client.Realm() {
		return "", fmt.Errorf("%w: a link of another server", ErrBadServer)
	}
	return parsed.String(), nil
}

func madeAccount(m rendezvous.Imported) MadeAccount {
	made := MadeAccount{User: peer.Line(m.User, 0), Password: peer.Line(m.Password, 0).String()}
	if m.Error != "" {
		made.Problem = sentence("%v", meaning(&rendezvous.RefusedError{Code: m.Error}))
	}
	return made
}

// ImportAccounts makes accounts. Where it fails on the way it returns those that
// were made before: nobody else knows their passwords.
func (n *Node) ImportAccounts(ctx context.Context, accounts []NewAccount) ([]MadeAccount, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return nil, err
	}
	asked := make([]rendezvous.Registration, len(accounts))
	for i, a := range accounts {
		asked[i] = rendezvous.Registration{User: a.User, Name: peer.DisplayName(a.Name).String(), Team: peer.DisplayName(a.Team).String()}
	}
	var all []MadeAccount
	for some := range slices.Chunk(asked, rendezvous.MaxImport) {
		made, err := client.Import(ctx, some)
		for _, m := range made {
			all = append(all, madeAccount(m))
		}
		if err != nil {
			return all, served(err)
		}
	}
	return all, nil
}
