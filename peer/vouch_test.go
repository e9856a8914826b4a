package peer

import (
	"testing"

	"github.com/google/uuid"
)

func TestAVoucherIsForOneDeviceOfOneAccount(t *testing.T) {
	account, other := uuid.UUID{15: 1}, uuid.UUID{15: 2}
	v := SignVoucher(NewIdentity(seed(1)), seedID(3), account, seedID(2))
	if !v.Holds(seedID(3), account) {
		t.Error("it does not hold")
	}
	wrong := []Voucher{v, v, v, v}
	wrong[0].Device = seedID(4)
	wrong[1].By = seedID(2)
	wrong[2].Signature = append([]byte{v.Signature[0] ^ 1}, v.Signature[1:]...)
	wrong[3].Signature = v.Signature[:63]
	for i, w := range wrong {
		if w.Holds(seedID(3), account) {
			t.Errorf("wrong one %d holds", i)
		}
	}
	if v.Holds(seedID(3), other) || v.Holds(seedID(4), account) {
		t.Error("it holds for another account, or realm")
	}
}
