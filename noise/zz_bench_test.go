package noise
import ("testing";"crypto/aes";"crypto/cipher")
func BenchmarkZZ(b *testing.B){
 var sec [32]byte; sec[0]=1
 var hk [16]byte
 d:=make([]byte,512)
 b.Run("seal",func(b *testing.B){ s:=NewSealer(sec,7,hk); b.ReportAllocs(); for b.Loop(){ s.Seal(d)}})
 blk,_:=aes.NewCipher(sec[:]); a,_:=cipher.NewGCM(blk)
 var n [12]byte
 b.Run("aead",func(b *testing.B){ b.ReportAllocs(); for b.Loop(){ a.Seal(d[16:16],n[:],d[16:496],nil)}})
 s:=NewSealer(sec,7,hk)
 o:=NewOpener(sec)
 c:=make([]byte,512)
 b.Run("sealopen",func(b *testing.B){ b.ReportAllocs(); for b.Loop(){ s.Seal(c); if _,err:=o.Open(c);err!=nil{b.Fatal(err)} }})
 b.Run("aeadsealopen",func(b *testing.B){ b.ReportAllocs(); for b.Loop(){ a.Seal(d[16:16],n[:],d[16:496],nil); a.Open(d[16:16],n[:],d[16:512],nil)}})
 k16,_:=aes.NewCipher(hk[:])
 var m [16]byte
 b.Run("block",func(b *testing.B){ b.ReportAllocs(); for b.Loop(){ k16.Encrypt(m[:],d[496:])}})
}
