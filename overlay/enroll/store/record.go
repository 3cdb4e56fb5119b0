// Records in tables: one JSON document a key.

package store

import (
	"encoding/json"
	"errors"
)

var errUnwritable = errors.New("store: a record that cannot be written")

// Get reads a record of a table into a pointer, and reports whether there is one. It fails with ErrDamaged.
func Get(tx *Tx, table string, key []byte, record any) (found bool, err error) {
	b := tx.Bucket([]byte(table))
	if b == nil {
		return false, ErrDamaged
	}
	v := b.Get(key)
	if v == nil {
		return false, nil
	}
	if json.Unmarshal(v, record) != nil {
		return false, ErrDamaged
	}
	return true, nil
}

// Put writes a record of a table.
func Put(tx *Tx, table string, key []byte, record any) error {
	v, err := json.Marshal(record)
	if err != nil {
		return errUnwritable // without the reason, which may show what is in it
	}
	b := tx.Bucket([]byte(table))
	if b == nil {
		return ErrDamaged
	}
	return b.Put(key, v)
}
