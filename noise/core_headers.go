package noise

import (
	"crypto/cipher"
	"encoding/binary"
	"io"
)

// Header keys: under which the indexes of incoming datagrams are masked. A core
// has one that it gives to everybody who knows it anyway. An initiator without a
// name gives each responder another one: the same would tell two guards that they
// serve the same node.

// linkHeader is the header key of one dialled NK link.
type linkHeader struct {
	key   headerKey
	block cipher.Block
}

// ownHeader gives a link that is being dialled its header key. At dialHeaders
// links a further NK dial is refused: each costs every datagram that is not of
// the main key one AES block.
func (c *Core) ownHeader(l *link) error {
	if l.pattern != NK {
		return nil
	}
	if len(c.headers) >= dialHeaders {
		return ErrFull
	}
	h := new(linkHeader)
	if _, err := io.ReadFull(c.cfg.Rand, h.key[:]); err != nil {
		return err
	}
	h.block = h.key.block()
	l.header = h
	c.headers = append(c.headers, h)
	return nil
}

// dropHeader forgets the header key of a link that ends.
func (c *Core) dropHeader(l *link) {
	if l.header != nil {
		c.headers = remove(c.headers, l.header)
	}
}

// find returns the session of a datagram, or nil.
func (c *Core) find(d []byte) *session {
	raw, tag := binary.BigEndian.Uint64(d), d[DatagramLen-tagLen:]
	c.headerBlock.Encrypt(c.mask[:], tag)
	if s := c.sessions[raw^binary.BigEndian.Uint64(c.mask[:])]; s != nil && s.link.header == nil {
		return s
	}
	for _, h := range c.headers {
		h.block.Encrypt(c.mask[:], tag)
		if s := c.sessions[raw^binary.BigEndian.Uint64(c.mask[:])]; s != nil && s.link.header == h {
			return s
		}
	}
	return nil
}
