// Vectors: whole circuits, with every input, every key and every body between hops.

package layer_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the frozen vectors")

const vectorPath = "testdata/circuits.json"

// text is bytes that JSON shows in hexadecimal.
type text []byte

func (t text) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, t), nil }

func (t *text) UnmarshalText(b []byte) (err error) {
	*t, err = hex.AppendDecode(nil, b)
	return err
}

func counterText(n uint64) text { return binary.BigEndian.AppendUint64(nil, n) }

// circuitVector is one circuit. Fields marked "in" are inputs; all others follow from them.
type circuitVector struct {
	Name       string           `json:"name"`
	Overlay    text             `json:"in_overlay"`
	Bucket     uint32           `json:"in_bucket"`
	CreateHops int              `json:"in_hops_of_first_create"`
	First      text             `json:"in_early_data"`
	Cells      int              `json:"in_early_cells"`
	Fill       text             `json:"in_create_fill"`
	Hops       []*hopVector     `json:"hops"`
	Extension  *extensionVector `json:"extension,omitempty"`
	Forward    []*forwardVector `json:"forward"` // in the order in which they are sealed
	Backward   []*backVector    `json:"backward"`
}

// hopVector is one hop: what it got, what it answered, and the keys.
type hopVector struct {
	Node            text `json:"in_node"`
	OnionPrivate    text `json:"in_onion_private"`
	OriginEphemeral text `json:"in_origin_ephemeral_private"`
	Seed            text `json:"in_seed"`
	RelayEphemeral  text `json:"in_relay_ephemeral_private"`
	CreatedFill     text `json:"in_created_fill"`

	OnionPublic   text `json:"onion_public"`
	Payload       text `json:"create_payload"`
	Head          text `json:"create_head"` // key tag and Noise message 1
	CreateKey     text `json:"create_layer_key"`
	EarlyKey      text `json:"early_key"`
	EarlyStart    text `json:"early_start"`
	CreatePlain   text `json:"create_plaintext"`
	Create        text `json:"create"` // the body as this hop gets it
	Created       text `json:"created"`
	Secret        text `json:"secret_forward"`
	SecretBack    text `json:"secret_backward"`
	ForwardKey    text `json:"forward_key"`
	ForwardStart  text `json:"forward_start"`
	BackwardKey   text `json:"backward_key"`
	BackwardStart text `json:"backward_start"`
	Binding       text `json:"binding"`

	forward, backward, early *specDirection
	noise                    *specNoise
}

// extensionVector is the last hop of a circuit that its first create did not reach.
type extensionVector struct {
	First       text `json:"in_early_data"`
	Cells       int  `json:"in_early_cells"`
	Fill        text `json:"in_create_fill"`
	MessageFill text `json:"in_message_fill"`

	Rest    text           `json:"appended_by_extending_hop"`
	Message *forwardVector `json:"message"`
}

// forwardVector is a cell from the origin.
type forwardVector struct {
	To      int  `json:"in_to_hop"`
	Early   bool `json:"in_early,omitempty"`
	Command byte `json:"in_message"`
	Payload text `json:"in_payload"`
	Fill    text `json:"in_fill"`

	Counters []text `json:"counters"`
	Plain    text   `json:"plaintext_at_last"`
	Bodies   []text `json:"bodies"` // as hops 1, 2, … get them
}

// backVector is a cell to the origin.
type backVector struct {
	From    int  `json:"in_from_hop"`
	Command byte `json:"in_message"`
	Payload text `json:"in_payload"`

	Counters []text `json:"counters"` // of hops 1, 2, …
	Bodies   []text `json:"bodies"`   // as the speaking hop sends it, then the one before, …; the last reaches the origin
}

// newVector draws the inputs of a circuit: hops of the first create, and early cells of its last hop.
func newVector(name string, r io.Reader, hops, cells int, extended bool) *circuitVector {
	draw := func(n int) text {
		b := make([]byte, n)
		must(io.ReadFull(r, b))
		return b
	}
	v := &circuitVector{Name: name, Overlay: draw(32), Bucket: 6_000_000, CreateHops: hops, First: draw(188), Cells: cells}
	v.Fill = draw(378 - 188 - 95*(hops-1))
	all := hops
	if extended {
		all++
		v.Extension = &extensionVector{First: draw(188), Cells: cells, Fill: draw(378 - 188 - 105), MessageFill: draw(72 - 24*(hops-1))}
		v.Cells, v.Extension.Cells = 0, cells
	}
	for range all {
		v.Hops = append(v.Hops, &hopVector{Node: draw(32), OnionPrivate: draw(32), OriginEphemeral: draw(32),
			Seed: draw(16), RelayEphemeral: draw(32), CreatedFill: draw(425)})
	}
	for range cells {
		v.Forward = append(v.Forward, &forwardVector{To: all, Early: true, Command: 5, Payload: draw(376), Fill: draw(72 - 24*(all-1))})
	}
	for round := range 2 {
		for k := 1; k <= all; k++ {
			v.Forward = append(v.Forward, &forwardVector{To: k, Command: byte(1 + 10*round), Payload: draw(376), Fill: draw(72 - 24*(k-1))})
			v.Backward = append(v.Backward, &backVector{From: all + 1 - k, Command: byte(6 + 5*round), Payload: draw(376)})
		}
	}
	return v
}

// compute fills in what follows from the inputs, by the second implementation.
func (v *circuitVector) compute() {
	for i, h := range v.Hops {
		last := i+1 == v.CreateHops || i+1 == len(v.Hops)
		var next [8]byte
		cells := 0
		if !last {
			copy(next[:], v.Hops[i+1].Node)
		} else if cells = v.Cells; i >= v.CreateHops {
			cells = v.Extension.Cells
		}
		h.begin(v.Overlay, next[:], v.Bucket, cells)
	}
	specCreate(v.Hops[:v.CreateHops], v.First, v.Fill, nil)
	for _, h := range v.Hops {
		h.finish()
	}
	if x := v.Extension; x != nil {
		last, added := v.Hops[v.CreateHops-1], v.Hops[v.CreateHops]
		x.Rest = last.forward.stream(2, 105)
		specCreate([]*hopVector{added}, x.First, x.Fill, x.Rest)
		x.Message = &forwardVector{To: v.CreateHops, Command: 2, Fill: x.MessageFill, Payload: join(added.Node[:8], added.Create[:368])}
		x.Message.compute(v.Hops)
	}
	for _, f := range v.Forward {
		f.compute(v.Hops)
	}
	for _, b := range v.Backward {
		b.compute(v.Hops)
	}
}

// begin makes what stands in front of the tag of a create, and the keys from its seed.
func (h *hopVector) begin(overlay, next []byte, bucket uint32, cells int) {
	h.OnionPublic = specPublic(h.OnionPrivate)
	e := specPublic(h.OriginEphemeral)
	h.Payload = join(next, binary.BigEndian.AppendUint32(nil, bucket), h.Seed, []byte{byte(cells), 0})
	h.noise = newSpecNoise(join([]byte{15}, []byte("sotto create v1"), overlay, h.Node), h.OnionPublic)
	h.noise.mixHash(e)
	h.noise.mixKey(specDH(h.OriginEphemeral, h.OnionPublic))
	tag := specHash([]byte("sotto create key v1"), h.OnionPublic, e)[:1]
	h.Head = join(tag, e, h.noise.seal(h.Payload))
	secret := specExtract(e, h.Seed)
	h.CreateKey = specExpand(secret, "sotto create layer v1", 32)
	h.early = newSpecDirection(secret, "sotto early v1")
	h.EarlyKey, h.EarlyStart = h.early.key, counterText(h.early.next)
}

// finish makes the answer, and the keys that follow from it.
func (h *hopVector) finish() {
	e := specPublic(h.RelayEphemeral)
	h.noise.mixHash(e)
	h.noise.mixKey(specDH(h.RelayEphemeral, specPublic(h.OriginEphemeral)))
	h.Created = join(e, h.noise.seal(nil), h.CreatedFill)
	h.Secret, h.SecretBack = h.noise.split()
	h.forward, h.backward = newSpecDirection(h.Secret, "sotto layer v1"), newSpecDirection(h.SecretBack, "sotto layer v1")
	h.ForwardKey, h.ForwardStart = h.forward.key, counterText(h.forward.next)
	h.BackwardKey, h.BackwardStart = h.backward.key, counterText(h.backward.next)
	h.Binding = specExpand(specExtract(nil, join(h.Secret, h.SecretBack)), "sotto binding v1", 32)
}

// specCreate makes the bodies of a create through hops, of which the first ends in rest, if any.
func specCreate(hops []*hopVector, first, fill, rest []byte) {
	t := rest
	for j, h := range hops {
		t = xored(t, specStream(h.CreateKey, 0, 0, 378)[378-len(t):])
		if j+1 < len(hops) {
			t = append(t, specStream(h.CreateKey, 1, 0, 95)...)
		}
	}
	holds := join(first, fill, t)
	for j := len(hops) - 1; j >= 0; j-- {
		h := hops[j]
		h.CreatePlain = bytes.Clone(holds)
		ciphertext, tag := specSeal(h.CreateKey, specNonce(0, 0), holds, h.Head)
		h.Create = join(h.Head, tag, ciphertext)
		holds = h.Create[:378]
	}
}

func (f *forwardVector) compute(hops []*hopVector) {
	var keys []*specDirection
	for _, h := range hops[:f.To] {
		keys = append(keys, h.forward)
	}
	if f.Early {
		keys[f.To-1] = hops[f.To-1].early
	}
	for _, k := range keys {
		f.Counters = append(f.Counters, counterText(k.next))
	}
	bodies, plain := specForward(keys, f.Command, f.Payload, f.Fill)
	f.Plain = plain
	for _, b := range bodies {
		f.Bodies = append(f.Bodies, b)
	}
}

func (b *backVector) compute(hops []*hopVector) {
	var keys []*specDirection
	for _, h := range hops[:b.From] {
		keys = append(keys, h.backward)
		b.Counters = append(b.Counters, counterText(h.backward.next))
	}
	for _, body := range specBackward(keys, b.Command, b.Payload) {
		b.Bodies = append(b.Bodies, body)
	}
}

// inputs returns a copy that has the inputs alone.
func (v *circuitVector) inputs() *circuitVector {
	in := *v
	in.Hops, in.Forward, in.Backward = nil, nil, nil
	for _, h := range v.Hops {
		in.Hops = append(in.Hops, &hopVector{Node: h.Node, OnionPrivate: h.OnionPrivate, OriginEphemeral: h.OriginEphemeral,
			Seed: h.Seed, RelayEphemeral: h.RelayEphemeral, CreatedFill: h.CreatedFill})
	}
	for _, f := range v.Forward {
		in.Forward = append(in.Forward, &forwardVector{To: f.To, Early: f.Early, Command: f.Command, Payload: f.Payload, Fill: f.Fill})
	}
	for _, b := range v.Backward {
		in.Backward = append(in.Backward, &backVector{From: b.From, Command: b.Command, Payload: b.Payload})
	}
	if x := v.Extension; x != nil {
		in.Extension = &extensionVector{First: x.First, Cells: x.Cells, Fill: x.Fill, MessageFill: x.MessageFill}
	}
	return &in
}

func encodeVectors(t *testing.T, vs []*circuitVector) []byte {
	b, err := json.MarshalIndent(vs, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func loadVectors(t *testing.T) ([]*circuitVector, []byte) {
	raw, err := os.ReadFile(vectorPath)
	if err != nil {
		t.Fatal(err)
	}
	var vs []*circuitVector
	if err := json.Unmarshal(raw, &vs); err != nil {
		t.Fatal(err)
	}
	return vs, raw
}

func TestTheSecondImplementationMakesTheFrozenCircuits(t *testing.T) {
	if *update {
		r := rand.NewChaCha8([32]byte([]byte("sotto vectors of circuits, no. 1")))
		vs := []*circuitVector{
			newVector("one hop with early cells", r, 1, 2, false),
			newVector("two hops, extended with early cells", r, 2, 2, true),
			newVector("three hops, extended", r, 3, 0, true),
		}
		for _, v := range vs {
			v.compute()
		}
		if err := os.WriteFile(vectorPath, encodeVectors(t, vs), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	frozen, want := loadVectors(t)
	var got []*circuitVector
	for _, v := range frozen {
		in := v.inputs()
		in.compute()
		got = append(got, in)
	}
	if !bytes.Equal(encodeVectors(t, got), want) {
		t.Error("the frozen circuits do not follow from their inputs")
	}
}

func TestTheSecondImplementationOpensTheFrozenCells(t *testing.T) {
	frozen, _ := loadVectors(t)
	for _, v := range frozen {
		for n, f := range v.Forward {
			for j := range f.To {
				key := v.Hops[j].ForwardKey
				if f.Early && j+1 == f.To {
					key = v.Hops[j].EarlyKey
				}
				plain, next, ok := specRelayOpen(key, f.Bodies[j])
				last := j+1 == f.To
				if !ok || last && !bytes.Equal(plain, f.Plain) || !last && !bytes.Equal(next, f.Bodies[j+1]) {
					t.Errorf("%s: cell %d at hop %d", v.Name, n, j+1)
				}
			}
		}
		var keys [][]byte
		for _, h := range v.Hops {
			keys = append(keys, h.BackwardKey)
		}
		for n, b := range v.Backward {
			from, message, ok := specOriginOpen(keys, b.Bodies[len(b.Bodies)-1])
			if !ok || from != b.From || message[0] != 0x80|b.Command || !bytes.Equal(message[1:], b.Payload) {
				t.Errorf("%s: cell %d to the origin", v.Name, n)
			}
		}
	}
}
