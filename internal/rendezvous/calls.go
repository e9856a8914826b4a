package rendezvous

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// nothing is the answer of what answers nothing.
type nothing struct{}

// do makes a call without an answer.
func do(ctx context.Context, c *Client, call call) error {
	_, err := ask[nothing](ctx, c, call)
	return err
}

// signedIn makes a call that signs in.
func (c *Client) signedIn(ctx context.Context, call call) (SignedIn, error) {
	in, err := ask[SignedIn](ctx, c, call)
	in.Account = cleanAccount(in.Account)
	return in, err
}

// friends makes a call that answers with people.
func (c *Client) friends(ctx context.Context, call call) ([]Friend, error) {
	friends, err := ask[[]Friend](ctx, c, call)
	return cleanFriends(friends), err
}

// friend makes a call that answers with somebody.
func (c *Client) friend(ctx context.Context, call call) (Friend, error) {
	f, err := ask[Friend](ctx, c, call)
	for _, clean := range cleanFriends([]Friend{f}) {
		return clean, err
	}
	return Friend{}, err
}

// Register makes an account; this device becomes its first one.
func (c *Client) Register(ctx context.Context, r Registration) (SignedIn, error) {
	return c.signedIn(ctx, call{method: http.MethodPost, path: "/v1/accounts", body: r, once: true})
}

// Login makes this device one of the account's.
func (c *Client) Login(ctx context.Context, with Credentials) (SignedIn, error) {
	return c.signedIn(ctx, call{method: http.MethodPost, path: "/v1/login", body: with})
}

// Logout takes this device from its account.
func (c *Client) Logout(ctx context.Context) error {
	return do(ctx, c, call{method: http.MethodPost, path: "/v1/logout"})
}

// Me is the account of this device, with a new ticket.
func (c *Client) Me(ctx context.Context) (SignedIn, error) {
	return c.signedIn(ctx, call{method: http.MethodGet, path: "/v1/me"})
}

// Change changes what others see of the account.
func (c *Client) Change(ctx context.Context, to Change) (SignedIn, error) {
	return c.signedIn(ctx, call{method: http.MethodPatch, path: "/v1/me", body: to})
}

// ChangePassword changes the password; the account's other devices are signed out.
func (c *Client) ChangePassword(ctx context.Context, p NewPassword) (SignedIn, error) {
	return c.signedIn(ctx, call{method: http.MethodPut, path: "/v1/me/password", body: p, once: true})
}

// Devices are those of the account.
func (c *Client) Devices(ctx context.Context) ([]Device, error) {
	return ask[[]Device](ctx, c, call{method: http.MethodGet, path: "/v1/me/devices"})
}

// Revoke takes a device from the account.
func (c *Client) Revoke(ctx context.Context, device peer.ID) error {
	return do(ctx, c, call{method: http.MethodDelete, path: "/v1/me/devices/" + device.String()})
}

// Search finds accounts whose name begins with text.
func (c *Client) Search(ctx context.Context, text string) ([]Friend, error) {
	query := url.Values{"q": {text}}
	return c.friends(ctx, call{method: http.MethodGet, path: "/v1/accounts?" + query.Encode()})
}

// Friends is the friend list.
func (c *Client) Friends(ctx context.Context) ([]Friend, error) {
	return c.friends(ctx, call{method: http.MethodGet, path: "/v1/friends"})
}

// Befriend asks somebody to be a friend.
func (c *Client) Befriend(ctx context.Context, user string) (Friend, error) {
	return c.friend(ctx, call{method: http.MethodPost, path: "/v1/friends", body: Request{User: user}})
}

// Accept says yes to somebody who asked.
func (c *Client) Accept(ctx context.Context, account uuid.UUID) (Friend, error) {
	return c.friend(ctx, call{method: http.MethodPut, path: "/v1/friends/" + account.String()})
}

// Remove ends a friendship, or takes a request back, or says no to one.
func (c *Client) Remove(ctx context.Context, account uuid.UUID) error {
	return do(ctx, c, call{method: http.MethodDelete, path: "/v1/friends/" + account.String()})
}

// Block keeps somebody from asking, silently; blocked false takes it back.
func (c *Client) Block(ctx context.Context, account uuid.UUID, blocked bool) error {
	method := http.MethodPut
	if !blocked {
		method = http.MethodDelete
	}
	return do(ctx, c, call{method: method, path: "/v1/blocks/" + account.String()})
}

// Heartbeat says that this device is there, and waits for news for as long as h
// says.
func (c *Client) Heartbeat(ctx context.Context, h Heartbeat) (News, error) {
	held := time.Duration(h.Hold) * time.Millisecond
	news, err := ask[News](ctx, c, call{method: http.MethodPost, path: "/v1/heartbeat", body: h, time: held + answerTime, held: held > 0})
	news.Friends = cleanFriends(news.Friends)
	if news.Account != nil {
		*news.Account = cleanAccount(*news.Account)
	}
	return news, err
}

// answerTime is what an answer to a heartbeat may take longer than it was to be held.
const answerTime = 10 * time.Second

// Online lists who is on-line, for an administrator.
func (c *Client) Online(ctx context.Context) ([]OnlineDevice, error) {
	return ask[[]OnlineDevice](ctx, c, call{method: http.MethodGet, path: "/v1/admin/online"})
}

// Accounts lists the realm's accounts, for an administrator.
func (c *Client) Accounts(ctx context.Context) ([]ListedAccount, error) {
	return ask[[]ListedAccount](ctx, c, call{method: http.MethodGet, path: "/v1/admin/accounts"})
}

// Kick signs all devices of an account out, for an administrator.
func (c *Client) Kick(ctx context.Context, account uuid.UUID) error {
	return do(ctx, c, call{method: http.MethodPost, path: adminPath(account, "kick")})
}

// Enable lets an account sign in, or not, for an administrator.
func (c *Client) Enable(ctx context.Context, account uuid.UUID, enabled bool) error {
	what := "disable"
	if enabled {
		what = "enable"
	}
	return do(ctx, c, call{method: http.MethodPost, path: adminPath(account, what)})
}

// Reset gives an account a password for one log-in, for an administrator.
func (c *Client) Reset(ctx context.Context, account uuid.UUID) (Reset, error) {
	return ask[Reset](ctx, c, call{method: http.MethodPost, path: adminPath(account, "reset"), once: true})
}

func adminPath(account uuid.UUID, what string) string {
	return "/v1/admin/accounts/" + account.String() + "/" + what
}

// Invite makes a join link for new people, for an administrator.
func (c *Client) Invite(ctx context.Context, i Invite) (Invited, error) {
	return ask[Invited](ctx, c, call{method: http.MethodPost, path: "/v1/admin/invites", body: i, once: true})
}

// MaxImport is how many accounts one [Client.Import] makes at most.
const MaxImport = 50

// Import makes accounts, for an administrator.
func (c *Client) Import(ctx context.Context, accounts []Registration) ([]Imported, error) {
	return ask[[]Imported](ctx, c, call{
		method: http.MethodPost, path: "/v1/admin/import", body: accounts, once: true, time: importTime,
	})
}

// importTime is enough for the passwords: each takes a server a fifth of a second.
const importTime = 2 * time.Minute
