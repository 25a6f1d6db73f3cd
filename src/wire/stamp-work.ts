/**
 * The search for a stamp's nonce: SHA-256 (FIPS 180-4) of one block, of which the first twelve words stay and the next two are tried.
 * Plain arithmetic, because a call of node:crypto costs several times what it hashes. Imports nothing: a worker starts with it.
 */
export interface StampSearch {
  /** {@link stampBlock} */
  readonly block: Uint8Array
  /** {@link stampBelow} */
  readonly below: readonly [high: number, low: number]
  /** The first nonce to try, by number, and how many. */
  readonly from: number
  readonly count: number
}

const constants = Int32Array.from(
  (
    '428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 d807aa98 12835b01 243185be 550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174 ' +
    'e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da 983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967 ' +
    '27b70a85 2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85 a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070 ' +
    '19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3 748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2'
  )
    .split(' ')
    .map(hex => Number.parseInt(hex, 16) | 0)
)
const start = Int32Array.from([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
])
/** Words that no nonce changes, and the rounds that read only them. */
const fixedWords = 12
const nonceLow = 2 ** 24

/** @returns the number of a nonce whose hash is below the threshold, or undefined when none of them is. */
export function searchStamp({ block, below, from, count }: StampSearch): number | undefined {
  const [high, low] = below
  const words = new Int32Array(64)
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  for (let i = 0; i < fixedWords; i++) words[i] = view.getInt32(4 * i)
  words[15] = 8 * 55
  const before = Int32Array.from(start)
  rounds(before, words, 0, fixedWords)
  const state = new Int32Array(8)
  for (let n = from; n < from + count; n++) {
    words[12] = Math.floor(n / nonceLow) | 0
    words[13] = ((n % nonceLow) << 8) | 0x80
    expand(words)
    state.set(before)
    rounds(state, words, fixedWords, 64)
    const first = (state[0]! + start[0]!) >>> 0
    if (first > high) continue
    if (first < high || (state[1]! + start[1]!) >>> 0 < low) return n
  }
  return undefined
}

function expand(words: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15]!
    const y = words[i - 2]!
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    words[i] = (words[i - 16]! + words[i - 7]! + s0 + s1) | 0
  }
}

function rounds(state: Int32Array, words: Int32Array, from: number, to: number): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let f = state[5]!
  let g = state[6]!
  let h = state[7]!
  for (let i = from; i < to; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t = (h + s1 + (g ^ (e & (f ^ g))) + constants[i]! + words[i]!) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    h = g
    g = f
    f = e
    e = (d + t) | 0
    d = c
    c = b
    b = a
    a = (t + s0 + ((b & c) | (d & (b | c)))) | 0
  }
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
  state[4] = e
  state[5] = f
  state[6] = g
  state[7] = h
}
