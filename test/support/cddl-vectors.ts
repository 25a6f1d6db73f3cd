import { readFileSync } from 'node:fs'
import { fromHex } from '../../src/base/bytes.ts'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'))

const bytes = (hex: string): Uint8Array => {
  const found = fromHex(hex, hex.length / 2)
  if (!found) throw new TypeError(`not hex: ${hex.slice(0, 40)}`)
  return found
}

/** A notice stands behind two bytes of length, before zeros. */
const unpadded = (plaintext: Uint8Array): Uint8Array =>
  plaintext.slice(2, 2 + (plaintext[0]! << 8) + plaintext[1]!)

/** Behind the scheme, before four bytes of checksum. */
const payloadAfter =
  (scheme: string) =>
  (text: string): Uint8Array =>
    new Uint8Array(Buffer.from(text.slice(scheme.length), 'base64url').subarray(0, -4))
const linkPayload = payloadAfter('muttr:')
const codePayload = payloadAfter('muttr:device?')

/** All valid frames of test/vectors, by the rule of muttr.cddl that describes them. */
export function vectorFrames(): Record<string, Uint8Array[]> {
  const [device, keys, letter] = [read('device'), read('keys'), read('letter')]
  const [notice, pod, link] = [read('notice'), read('pod'), read('join-link')]
  const [blob, dht, record] = [read('blob'), read('dht'), read('record')]
  const { codes, exchange } = read('link')
  const sync = read('sync')
  const thin = read('thin')
  const [stamp, via] = [read('stamp'), read('via')]
  const ofReach = (message: string) =>
    frames(read('reach').frames.filter((v: { message: string }) => v.message === message))
  const ofDht = (message: string) =>
    frames(dht.frames.filter((v: { message: string }) => v.message === message))
  const frames = (list: { frame: string }[]) => list.map(({ frame }) => bytes(frame))
  const byRule = (valid: Record<string, { frame: string }[]>) =>
    Object.fromEntries(Object.entries(valid).map(([rule, list]) => [rule, frames(list)]))
  return {
    'sync-entry': frames(sync.entries),
    'signed-dismissal': [bytes(device.dismissal.frame)],
    'backup-item': frames(read('backup').items),
    'backup-place': [bytes(read('backup').network.place)],
    'channel-frame': read('channel').frames.map((v: { hex: string }) => bytes(v.hex)),
    'blob-header': blob.blobs.map((v: { header: string }) => bytes(v.header)),
    tombstone: frames(blob.tombstones),
    record: [...frames(record.records), ...frames(record.openpgp)],
    whereabouts: frames(record.whereabouts),
    person: frames(record.persons),
    ping: ofDht('ping'),
    pong: ofDht('pong'),
    'find-node': ofDht('find-node'),
    'find-node-answer': ofDht('contacts'),
    get: ofDht('get'),
    'get-answer': ofDht('answer to get'),
    put: ofDht('put'),
    'put-answer': ofDht('answer to put'),
    'put-signed': dht.signed.map((v: { bytes: string }) => bytes(v.bytes)),
    have: ofDht('have'),
    release: ofDht('release'),
    'record-get': ofDht('record-get'),
    'record-get-answer': ofDht('answer with a record'),
    'record-put': ofDht('record-put'),
    'record-put-answer': ofDht('answer to record-put'),
    'dial-back': ofReach('dial-back'),
    'dial-back-answer': ofReach('answer to dial-back'),
    standing: ofReach('standing'),
    stamp: frames(stamp.stamps),
    forward: ofDht('forward'),
    'forward-answer': ofDht('forwarded answer'),
    via: frames(via.requests),
    'via-answer': frames(via.answers),
    'signed-statement': [bytes(device.valid.frame)],
    'signed-move': [bytes(read('move').valid.frame)],
    'moved-answer': [bytes(read('move').valid.answer)],
    'signed-succession': [bytes(read('succession').valid.frame)],
    vault: keys.vaults.map((v: { file: string }) => bytes(v.file)),
    letter: frames(letter.valid),
    manifest: frames(read('attachment').valid),
    ...byRule(read('address').valid),
    ...byRule(read('ahead').valid),
    ...byRule(read('federation').valid),
    ...byRule(read('blind').valid),
    ...byRule(read('token').valid),
    ...byRule(read('key-address').valid),
    ...byRule(thin.valid),
    'bind-signed': thin.valid['bind-answer'].map((v: { signed: string }) => bytes(v.signed)),
    'identify-thin-signed': [bytes(thin.identify.signed)],
    proof: frames(read('proof').valid),
    'split-view': frames(read('split-view').valid),
    notice: notice.valid.map((v: { plaintext: string }) => unpadded(bytes(v.plaintext))),
    slip: frames(notice.slips),
    announced: notice.receipts.map((v: { signed: string }) => bytes(v.signed)),
    'pod-record': [bytes(pod.record.frame)],
    leaving: [bytes(pod.leaving.frame)],
    along: [bytes(pod.along.frame)],
    'push-along': [bytes(pod.pushAlong.frame)],
    'pod-standing': [bytes(pod.standing.frame)],
    'identify-signed': [bytes(pod.identify.signed)],
    'directory-answer': [bytes(pod.directory.frame)],
    'device-code': codes.map((v: { code: string }) => codePayload(v.code)),
    'link-word': [bytes(exchange.frames.word)],
    'link-challenge': [bytes(exchange.frames.challenge)],
    'link-prove': [bytes(exchange.frames.prove)],
    'link-part': [bytes(exchange.frames.part)],
    'join-link': link.valid.map((v: { link: string }) => linkPayload(v.link))
  }
}
