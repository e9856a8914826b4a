package ui

import (
	"fmt"
	"os"
	"time"

	"earshot/internal/node"
)

// words is everything that the console says, in one language. The fields are
// the same in each, so a language that lacks one does not pass the test.
type words struct {
	// The list.
	People, HereNow, AwaySection, Imitators string
	Online                                  template // how many
	Looking, Nobody                         string
	CameIn, Left                            template // name, time

	// A conversation.
	OnlineNow, NotConnected, Away string
	AwaySince                     template // time or day
	Verified, NotVerified         string
	NotTheOne, Careful            string
	CertifiedBy, CertifiedUntil   template // server; day
	NewMessages, Below            plural   // number
	WaitingFor                    template // name
	YouSend                       template // file, size
	TheySend                      template // name, file, size
	LeftOut                       template // file, what
	NotSent                       template // what
	Files                         plural
	Loading, ChooseSomebody       string
	Comma                         string // between the parts of a list
	Placeholder                   string

	// The status bar and what goes wrong.
	NoServer, Starting, AnswerHint       string
	Unread                               plural // number, and as it is written
	Requests, Unfinished                 plural // number
	NobodyChosen, TooLong, NothingUnread string
	NothingAsked, Copied, Again          string
	ReadOn, FaultTitle                   string
	MouseOn, MouseOff, LookingAgain      string
	Offering                             string
	Asking, NoSuchFile                   template
	UnknownCommand                       template // what was typed, what is near
	ErrKeyChanged, ErrNoSuchPeer         string
	ErrTooLate, ErrStopped               string
	TookOver, MovedOn                    string
	ErrOther                             template          // what the node said
	ErrFolder                            template          // folder, cause
	ErrUnsendable                        template          // cause
	Causes                               map[string]string // by the text of the node's cause
	NoSuchTransfer                       string
	PageHints, ListHints                 string   // separated by |
	OfferBar                             template // name, file, size
	TakenBar, TakenSomeBar               template // file
	StrangerBar, ImitatorBar             template // name
	NewDeviceBar, OlderBar               template // name
	OwnDeviceBar                         template // its ID
	GuestBar, GuestText                  template // name
	GuestWhy                             string
	NoticeBar                            template // name, text
	NoticesTitle, NoNotices, Announced   string
	AnnounceTitle, AnnounceLabel         string
	AnnounceText, AnnounceYes            string

	// Transfers.
	Transfers, NoTransfers, Checked string
	CheckedAll                      template // hash of the whole
	Running, Waiting, Finished      template
	ToPerson, FromPerson            template          // name, time, done, size
	States                          map[string]string // by state, or state and reason
	WaitingPeer, PausedPeer         template          // name
	CancelledPeer, FullPeer         template          // name
	SavedAs                         template          // file
	PausedThere                     template          // name
	TakenHere, FullHow              string            // and what to do
	TakenThere                      template          // name
	LimitTitle, LimitHow            string
	LimitThis, LimitAll, Save       string   // labels of the fields; a button
	LimitPerson                     template // name; the same
	LimitWrong                      template // the lowest speed
	AtMost                          template // speed, or several of the following
	LimitedThis, LimitedAll         template // speed
	LimitedPerson                   template // speed, name
	LimitShort                      template // speed
	Unlimited                       string
	NotBegun, NotOver, NothingOver  string
	OfferedAgain                    string
	AskAgain                        template // name
	Cleared                         plural   // number
	DeclinedPeer                    template // name
	BadReceipt, SavedSome, Skipped  string   // short, for a row
	CancelTitle, CancelText         string
	CancelYes, CancelNo             string

	// Dialogs.
	Accept, Decline, Later, Close, Send  string
	Cancel, Quit, Stay, Start, More      string
	OfferTitle                           plural // number, name
	RenamedFrom                          template
	ProgramWarning, ProgramMark          string
	SaveIn, AnySize                      string
	UpTo, OwnFolder                      template // size; name
	AcceptAlways                         template // up to which size, name
	FilesTitle, FilesAccepted            template // name; up to which size
	FilesWait, AcceptAny, AskMe          string
	AcceptUpTo, RuleUpTo                 template          // size
	Rules                                map[string]string // by rule
	Conflicts                            map[string]string // by what is done where a name is taken
	TakenTitle, TakenSomeTitle           template          // file
	TakenFrom                            template          // name, size
	TakenKeep, TakenOverwrite, TakenSkip string
	KeepBoth, Overwrite, Skip            string
	StrangerTitle, StrangerText          template
	StrangerYes, StrangerRead            string
	ImitatorTitle, ImitatorText          template
	ImitatorWhy, Compare                 string
	NewDeviceTitle, NewDeviceText        template
	NewDeviceWhy, NewDeviceYes           string
	OwnDeviceTitle                       string
	OwnDeviceText                        template // its ID
	OwnDeviceWhy, OwnDeviceYes           string
	OlderText                            template
	OlderWhy, OlderYes                   string
	VerifyTitle, VerifyHow, DifferText   template
	KnownSince                           template
	VerifyMeans, Same, Differ            string
	KeyTitle, KeyText                    string
	SignInTitle, SignInText, SignInHow   string
	Server, User, Password               string
	SignIn, NewAccount, WithoutServer    string
	FieldMissing, SigningIn              string
	SignedIn                             template // user, server
	SignedOutOf, ElsewhereShort          template // server
	OutTitle                             template // server
	OutText, ElsewhereText               template // server, time
	OutWhy, ElsewhereTitle, ElsewhereWhy string
	ElsewhereTheft, SignInHere           string
	SignOut                              string
	ServerAway, ServerKey                template // server; fingerprint
	AccountTitle                         template // server
	CompareTitle                         template // server
	CompareHow                           string
	ChooseTitle, ChooseText              string
	OnceMore, NotTheSame                 string            // a label; what is wrong
	Strengths                            map[string]string // by strength
	MakeAccount, Back                    string
	ChangePassword                       string // a button
	ChangeTitle, ChangeText              string
	OldPassword, NextPassword            string
	PasswordChanged                      string
	FriendBar                            template // name, user
	FriendText                           string
	ServerBar                            template // name, address
	FriendAsked, FriendMade              template // name
	FriendFind                           template // server
	FriendFindHint, FriendRemove         string
	SignedInAdmin                        template // user, server
	InvitationHint                       string
	Presences                            map[string]string // by presence
	AdminTitle, AdminHints               string            // the hints separated by |
	AdminKeys                            map[string]string // by the word of the key
	AdminFind                            string
	ImportTitle, ImportHint, ImportYes   string
	ImportAsk                            plural   // for how many people
	ImportText, ImportedText             string   // before the file of the passwords
	Importing, Imported                  plural   // how many
	ImportNone                           template // file
	ImportBad, ImportLost                template // file, what
	ImportLine                           template // line, what
	ImportLeft                           string
	AdminCount                           template // how many are there, have an account
	Administrator, Disabled, NeverHere   string
	OnlineSince, LastSeen                template // address, time; time
	DevicesOf                            plural
	KickTitle, DisableTitle, ResetTitle  template // user
	KickText, DisableText, ResetText     string
	KickYes, DisableYes, ResetYes        string
	Kicked, DisabledNow, EnabledNow      template // user
	PasswordTitle                        template // user
	PasswordText, LinkTitle, Copy        string
	LinkText                             plural // for how many people
	InviteTitle, InviteUses, InviteText  string
	InviteYes                            string
	InviteWrong                          template // at most
	WelcomeTitle, WelcomeText            string
	WelcomeServer, Name, SaveFiles       string
	NameMissing, FolderMissing           string
	FolderWhole                          string
	QuitTitle, QuitDraft                 string
	QuitRunning                          plural
	DropTitle, DropFolders, DropBoth     plural // number, name
	KeepText, Folder                     string
	AndMore                              plural
	PickTitle                            template
	File, NothingHere, PickHint          string
	FindTitle, FindHint, NothingFound    string
	SearchTitle, SearchHint, SearchEmpty string
	HelpTitle, HelpHint, HelpMarks       string
	HelpEnter, HelpNewLine, HelpScroll   string
	HelpInterrupt                        string

	Help  map[string]string // by command
	Hints map[string]string // by command
	Args  map[string]string

	Weekdays  [7]string // from Sunday
	Months    [12]string
	DayForm   string // verbs: weekday, day, month, year, month's number
	ShortDay  string // the same
	OtherYear string // the same
}

// template is a sentence with places for names and numbers.
type template string

func (t template) with(args ...any) string { return fmt.Sprintf(string(t), args...) }

// plural is a sentence about a number of things, for one and for several.
type plural struct{ one, many template }

func (p plural) of(n int, args ...any) string {
	args = append([]any{n}, args...)
	if n == 1 {
		return p.one.with(args...)
	}
	return p.many.with(args...)
}

// wordsOf is the words of a language; empty: that of the environment.
func wordsOf(lang string) *words {
	if languageOf(lang, os.Getenv) == "zh" {
		return &chinese
	}
	return &english
}

// day is a day as a heading, as it is said now.
func (w *words) day(t, now time.Time) string {
	if t.Year() != now.Year() {
		return w.date(w.OtherYear, t)
	}
	return w.date(w.DayForm, t)
}

// shortDay is a day beside something else, as it is said now.
func (w *words) shortDay(t, now time.Time) string {
	if t.Year() != now.Year() {
		return w.date(w.OtherYear, t)
	}
	return w.date(w.ShortDay, t)
}

func (w *words) date(form string, t time.Time) string {
	return fmt.Sprintf(form, w.Weekdays[t.Weekday()], t.Day(), w.Months[t.Month()-1], t.Year(), int(t.Month()))
}

// transfer says what a transfer does, and where it does not go on because of
// this computer what is the matter: nobody else is waited for then.
func (w *words) transfer(t node.Transfer) string {
	name := t.Peer.Name.String()
	switch key := t.State + " " + t.Reason; key {
	case "interrupted peer away", "interrupted stalled":
		if !t.Error.IsZero() {
			return t.Error.String()
		}
		return w.WaitingPeer.with(name)
	case "declined by peer":
		return w.DeclinedPeer.with(name)
	case "paused by peer":
		return w.PausedPeer.with(name)
	case "paused disk full":
		if t.Direction == node.Sending {
			return w.FullPeer.with(name)
		}
		return w.States[key]
	case "cancelled by peer":
		return w.CancelledPeer.with(name)
	case "done ":
		if as := savedAs(t); as != "" && saved(t) == "done" {
			return w.SavedAs.with(as)
		}
		return w.States[saved(t)]
	default:
		for _, k := range []string{key, string(t.Direction) + " " + t.State, t.State} {
			if text, ok := w.States[k]; ok {
				return text
			}
		}
	}
	return t.State
}

// saved is the key of the words for a transfer that is done: the sender has more or
// less of a receipt, the receiver no hash of the whole where something was there
// already and was skipped.
func saved(t node.Transfer) string {
	switch {
	case t.Direction == node.Sending && t.Receipt != "":
		return "done " + t.Receipt
	case t.Direction == node.Sending || t.Content != "":
		return "done"
	case t.Files == 1:
		return "done skipped"
	}
	return "done some"
}
