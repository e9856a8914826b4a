package ui

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"earshot/peer"
)

// newPassword is the part of a form in which a password is chosen: twice, as nobody
// sees what he types, with a line that says how strong it is.
type newPassword struct {
	d            *dialog
	first, again *field
}

// askPassword adds the fields; cells is how wide the labels are, user says the user
// name that is not to be in it.
func (c *Console) askPassword(d *dialog, label string, cells int, user func() string) *newPassword {
	p := &newPassword{d: d, first: d.secret(pad(label, cells, "")), again: d.secret(pad(c.words.OnceMore, cells, ""))}
	line := &textPiece{style: dim}
	d.pieces = append(d.pieces, line)
	p.first.changed = func(text string) { line.text = c.words.Strengths[string(strengthOf(text, user()))] }
	return p
}

// chosen is the password; where it is none the dialog says what is wrong.
func (p *newPassword) chosen() (password string, ok bool) {
	w := p.d.c.words
	switch password = p.first.input.GetText(); {
	case utf8.RuneCountInString(password) < minPassword:
		p.d.goTo(p.first)
		p.d.complain(w.Strengths[string(tooShort)])
	case p.again.input.GetText() != password:
		p.again.input.SetText("")
		p.d.goTo(p.again)
		p.d.complain(w.NotTheSame)
	default:
		return password, true
	}
	return "", false
}

// askNewPassword asks for the password so far, and for the next one.
func (c *Console) askNewPassword() {
	w := c.words
	d := c.newDialog(w.ChangeTitle)
	d.firm, d.escape = true, d.close
	cells := max(width(w.OldPassword), width(w.NextPassword), width(w.OnceMore))
	old := d.secret(pad(w.OldPassword, cells, ""))
	next := c.askPassword(d, w.NextPassword, cells, c.account.User.String)
	d.complains()
	d.say(plain, w.ChangeText)
	d.gap()
	d.choose(button{w.Save, func() {
		if password, ok := next.chosen(); ok {
			c.changePassword(d, old.input.GetText(), password)
		}
	}}, button{w.Cancel, d.close})
	d.start(0)
}

// changePassword has the password changed. What is wrong is said in the form.
func (c *Console) changePassword(d *dialog, old, next string) {
	d.complain(c.words.SigningIn)
	call(c, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.node.ChangePassword(ctx, old, next)
	}, func(_ struct{}, err error) {
		if err != nil {
			d.trouble(err)
			return
		}
		d.close()
		c.say(c.words.PasswordChanged)
	})
}

// strength is how hard a password is to guess; empty: there is none yet.
type strength string

const (
	tooShort strength = "short"
	named    strength = "named" // it has the user name in it
	weak     strength = "weak"
	fair     strength = "fair"
	strong   strength = "strong"
)

// What separates them. A server takes no password of fewer characters; the bits are
// those of [guessBits]: a stolen database is tried ten thousand times a second at most,
// which finds 30 bits within a day, and 50 in no lifetime.
const (
	minPassword         = 8
	fairBits            = 30
	strongBits          = 50
	leastUser           = 3 // a shorter user name is in many a word
	wordBits    float64 = 2 // a letter inside of a word
)

// strengthOf judges a password.
func strengthOf(password, user string) strength {
	user = peer.FoldName(user)
	bits := guessBits(password)
	switch {
	case password == "":
		return ""
	case utf8.RuneCountInString(password) < minPassword:
		return tooShort
	case len(user) >= leastUser && strings.Contains(peer.FoldName(password), user):
		return named
	case bits < fairBits:
		return weak
	case bits < strongBits:
		return fair
	}
	return strong
}

// guessBits estimates, rather too low, how much there is to guess: by length and
// variety. From its third letter on a word is nearly known, what repeats, counts up or
// goes along a row of the keyboard is, and so is a digit in the place of a letter.
func guessBits(password string) (bits float64) {
	all := []rune(password)
	letters, digits := 0, 0
	for i, r := range all {
		before, after := around(all, i)
		switch {
		case unicode.IsLetter(r) || strings.ContainsRune("@03$451!", r) && unicode.IsLetter(before) && unicode.IsLetter(after):
			letters, digits = letters+1, 0
		case unicode.IsDigit(r):
			letters, digits = 0, digits+1
		default:
			letters, digits = 0, 0
		}
		if letters > 1 && unicode.IsUpper(r) {
			bits++ // where nobody expects it
		}
		bits += newBits(r, before, letters, digits)
	}
	return bits
}

// newBits is what one character brings, which is the n-th letter or digit in a row.
func newBits(r, before rune, letters, digits int) float64 {
	switch {
	case follows(unicode.ToLower(before), unicode.ToLower(r)):
		return 1
	case unicode.Is(unicode.Han, r):
		return 6
	case letters > 2 || digits > 2:
		return 2
	case letters > 0:
		return 4.7 // of 26
	case digits > 0:
		return 3.3 // of 10
	case r == ' ':
		return 2
	}
	return 5 // of 32
}

// around is what stands beside a character; 0: nothing.
func around(all []rune, i int) (before, after rune) {
	if i > 0 {
		before = all[i-1]
	}
	if i+1 < len(all) {
		after = all[i+1]
	}
	return before, after
}

// keyboard is the rows of letters and digits.
const keyboard = "qwertyuiop asdfghjkl zxcvbnm 1234567890"

// follows reports whether a character is what everybody would guess after the one
// before.
func follows(before, r rune) bool {
	if step := r - before; before != 0 && step >= -1 && step <= 1 {
		return true
	}
	return before > ' ' && (strings.Contains(keyboard, string([]rune{before, r})) || strings.Contains(keyboard, string([]rune{r, before})))
}
