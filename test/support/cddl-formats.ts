import { limits } from '../../src/base/limits.ts'
import { decodeSignedStatement } from '../../src/wire/device.ts'
import { decodeLetter } from '../../src/wire/letter.ts'
import * as notice from '../../src/wire/notice.ts'
import * as pod from '../../src/wire/pod.ts'

/** A rule of muttr.cddl and the decoder that reads what it describes. */
export interface Format {
  read(frame: Uint8Array): unknown
  /** The decoder asks for more than CDDL can say, as the page tells in words: not all that fits the schema is taken. */
  more?: string
}

const plaintextOf = (frame: Uint8Array): Uint8Array => {
  const padded = new Uint8Array(limits.noticeBytesMax - 48)
  new DataView(padded.buffer).setUint16(0, frame.byteLength)
  padded.set(frame.subarray(0, padded.byteLength - 2), 2)
  return padded
}

export const formats: Record<string, Format> = {
  'signed-statement': {
    read: decodeSignedStatement,
    more: 'times in order, at most 90 days apart'
  },
  letter: { read: decodeLetter, more: 'a MIME type; a subject of one line' },
  notice: { read: frame => notice.decodeNotice(plaintextOf(frame)) },
  slip: { read: notice.decodeSlip },
  'kept-notice': { read: notice.decodeStored },
  hello: { read: pod.nothing.decode },
  'hello-answer': { read: pod.helloAnswer.decode },
  'pod-record': { read: pod.podRecord.decode },
  'challenge-answer': { read: pod.challengeAnswer.decode },
  identify: { read: pod.identify.decode },
  'identify-answer': { read: pod.identifyAnswer.decode },
  register: { read: pod.register.decode },
  'register-answer': { read: pod.registerAnswer.decode },
  'alias-request': { read: pod.aliasRequest.decode },
  'lookup-answer': { read: pod.lookupAnswer.decode },
  'directory-answer': { read: pod.directoryAnswer.decode },
  receipt: { read: pod.submitAnswer.decode },
  cursor: { read: pod.cursor.decode },
  'listen-answer': { read: pod.listenAnswer.decode },
  playback: { read: pod.playback.decode },
  page: { read: pod.page.decode, more: 'sequences in order' },
  push: { read: pod.push.decode, more: 'sequences in order' }
}
