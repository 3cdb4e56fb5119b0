package noise

// DatagramLen is the size in bytes of every UDP payload that a node sends or accepts (ours: one size hides what a
// datagram is for, and equal sizes are what lets the kernel batch them).
const DatagramLen = 512
