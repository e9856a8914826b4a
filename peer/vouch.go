package peer

import (
	"slices"

	"github.com/google/uuid"
)

// Vouch brings what persons said of other devices of their accounts.
type Vouch struct {
	Vouchers []Voucher `cbor:"1,keyasint"` // at most [MaxVouched] count
}

// Voucher says that the person of By, a device of an account, said yes to Device as
// another one of it. It is signed, so that Device can show it where By is away.
type Voucher struct {
	_         struct{} `cbor:",toarray"`
	Device    ID
	By        ID
	Signature []byte
}

// MaxVouched is more than the vouchers of an account with as many devices as it may
// have that are worth anything to others.
const MaxVouched = 64

// vouchDomain begins what is signed; the realm, the account and the device follow.
const vouchDomain = "earshot vouch v1\x00"

// SignVoucher says yes to a device of an account on behalf of the person of by.
func SignVoucher(by *Identity, realm ID, account uuid.UUID, device ID) Voucher {
	return Voucher{Device: device, By: by.ID(), Signature: by.Sign(vouchText(realm, account, device))}
}

// Holds reports whether By signed it, for this account.
func (v Voucher) Holds(realm ID, account uuid.UUID) bool {
	return len(v.Signature) == signatureSize && Verify(v.By, vouchText(realm, account, v.Device), v.Signature)
}

func vouchText(realm ID, account uuid.UUID, device ID) []byte {
	return slices.Concat([]byte(vouchDomain), realm[:], account[:], device[:])
}

// Type is that of its frame.
func (Vouch) Type() Type { return TypeVouch }
