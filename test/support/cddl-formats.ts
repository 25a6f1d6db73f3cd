import { limits } from '../../src/base/limits.ts'
import { decodeOffer } from '../../src/wire/address.ts'
import * as ahead from '../../src/wire/ahead.ts'
import * as along from '../../src/wire/along.ts'
import { decodeManifest } from '../../src/wire/attachment.ts'
import { decodeBackupItem } from '../../src/wire/backup.ts'
import * as blind from '../../src/wire/blind.ts'
import { decodeBlobHeader } from '../../src/wire/blob.ts'
import { decodeFrame } from '../../src/wire/channel.ts'
import { decodeSignedDismissal, decodeSignedStatement } from '../../src/wire/device.ts'
import * as dht from '../../src/wire/dht.ts'
import * as federation from '../../src/wire/federation.ts'
import * as gossip from '../../src/wire/gossip.ts'
import * as invite from '../../src/wire/invite.ts'
import * as keyAddress from '../../src/wire/key-address.ts'
import { leaving } from '../../src/wire/leaving.ts'
import { decodeLetter } from '../../src/wire/letter.ts'
import * as link from '../../src/wire/link.ts'
import * as move from '../../src/wire/move.ts'
import * as notice from '../../src/wire/notice.ts'
import * as pod from '../../src/wire/pod.ts'
import * as podAddresses from '../../src/wire/pod-addresses.ts'
import * as podStanding from '../../src/wire/pod-standing.ts'
import * as ports from '../../src/wire/ports.ts'
import { decodeProof } from '../../src/wire/proof.ts'
import { decodeAcceptance } from '../../src/wire/receipt.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { decodeBackupPlace } from '../../src/wire/records/backup.ts'
import { decodePerson } from '../../src/wire/records/person.ts'
import { decodeWhereabouts } from '../../src/wire/records/whereabouts.ts'
import { report } from '../../src/wire/report.ts'
import { decodeSplitView } from '../../src/wire/split-view.ts'
import { decodeStamp } from '../../src/wire/stamp.ts'
import * as succession from '../../src/wire/succession.ts'
import { decodeSyncEntry } from '../../src/wire/sync.ts'
import * as thin from '../../src/wire/thin.ts'
import * as token from '../../src/wire/token.ts'
import { readTombstone } from '../../src/wire/tombstone.ts'
import { decodeVia, decodeViaAnswer } from '../../src/wire/via.ts'

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

const addresses = 'addresses in the shape of a multiaddr, one encoding each'
const short = 'at most 1,024 bytes'

export const formats: Record<string, Format> = {
  'backup-item': { read: decodeBackupItem },
  'sync-entry': { read: decodeSyncEntry, more: 'numbers of entries in their order' },
  'backup-place': { read: decodeBackupPlace, more: 'as many roots as the size takes' },
  'signed-dismissal': { read: decodeSignedDismissal },
  'blob-header': { read: decodeBlobHeader },
  stamp: { read: decodeStamp },
  tombstone: { read: readTombstone, more: 'preimages that fit the header' },
  record: { read: decodeRecord, more: 'packets that start with a primary key' },
  whereabouts: { read: decodeWhereabouts, more: addresses },
  person: { read: decodePerson, more: 'no hostname and no name of a pod twice' },
  ping: { read: dht.decodePing },
  pong: { read: dht.decodePong },
  'find-node': { read: dht.decodeFindNode },
  'find-node-answer': { read: dht.decodeContacts, more: addresses },
  get: { read: dht.decodeGet },
  'get-answer': { read: dht.decodeGetAnswer, more: addresses },
  put: { read: dht.decodePut },
  'put-answer': { read: dht.decodePutAnswer, more: addresses },
  have: { read: dht.decodeHave, more: 'at most 8 keys beside a nonce' },
  release: { read: dht.decodeRelease },
  'release-answer': { read: dht.decodeReleased },
  'record-get': { read: dht.decodeRecordGet },
  'record-get-answer': { read: dht.decodeRecordAnswer, more: addresses },
  'record-put': { read: dht.decodeRecordPut },
  'record-put-answer': { read: dht.decodeRecordPutAnswer, more: addresses },
  forward: { read: dht.decodeForward },
  'forward-answer': { read: dht.decodeForwarded },
  'links-answer': { read: dht.decodeLinks },
  via: { read: decodeVia, more: addresses },
  'via-answer': { read: decodeViaAnswer },
  'channel-frame': { read: decodeFrame },
  'signed-statement': {
    read: decodeSignedStatement,
    more: 'times in order, at most 90 days apart'
  },
  acceptance: { read: decodeAcceptance },
  proof: {
    read: decodeProof,
    more: 'holders in order; no evidence without a header; a reader where there is a receipt'
  },
  'split-view': { read: decodeSplitView },
  letter: { read: decodeLetter, more: 'a MIME type; a subject of one line' },
  manifest: { read: decodeManifest, more: 'a MIME type; as many roots as the size takes' },
  notice: { read: frame => notice.decodeNotice(plaintextOf(frame)) },
  slip: { read: notice.decodeSlip },
  'kept-notice': { read: notice.decodeStored },
  'link-word': { read: link.decodeLinkWord },
  'link-challenge': { read: link.decodeChallenge },
  'link-prove': { read: link.decodeKnock },
  'link-part': { read: link.decodeLinkPart },
  hello: { read: pod.nothing.decode },
  'hello-answer': { read: pod.helloAnswer.decode },
  'pod-record': { read: pod.podRecord.decode },
  'challenge-answer': { read: pod.challengeAnswer.decode },
  identify: { read: pod.identify.decode },
  'identify-answer': { read: pod.identifyAnswer.decode },
  bind: { read: thin.bind.decode },
  'bind-answer': { read: thin.bindAnswer.decode },
  report: { read: report.decode },
  'invite-request': { read: invite.inviteRequest.decode },
  'invite-answer': { read: invite.inviteAnswer.decode },
  leaving: { read: leaving.decode },
  'pod-standing': { read: podStanding.standing.decode },
  register: { read: pod.register.decode },
  'register-answer': { read: pod.registerAnswer.decode },
  'signed-succession': { read: succession.decodeSignedSuccession, more: 'two keys' },
  'signed-move': { read: move.decodeSignedMove, more: 'two aliases' },
  'move-request': { read: move.moveRequest.decode },
  'move-answer': { read: move.moveAnswer.decode },
  'moved-answer': { read: move.movedAnswer.decode },
  succeed: { read: succession.succeed.decode },
  'succeed-answer': { read: succession.succeedAnswer.decode },
  'succession-request': { read: succession.successionRequest.decode },
  'succession-answer': { read: succession.successionAnswer.decode },
  'alias-request': { read: pod.aliasRequest.decode },
  'lookup-answer': { read: pod.lookupAnswer.decode },
  'directory-answer': { read: pod.directoryAnswer.decode },
  'address-offer': { read: decodeOffer },
  'address-changes': { read: podAddresses.addressChanges.decode },
  'addresses-after': { read: podAddresses.addressesAfter.decode },
  'address-page': { read: podAddresses.addressPage.decode },
  'addresses-asked': { read: podAddresses.addressesAsked.decode },
  'addresses-answer': { read: podAddresses.addressesAnswer.decode },
  'ahead-request': { read: ahead.aheadRequest.decode },
  'ahead-status': { read: ahead.aheadStatus.decode },
  'ahead-keys': { read: ahead.aheadKeys.decode },
  'ahead-task': { read: ahead.aheadTask.decode },
  'ahead-take': { read: ahead.aheadTake.decode },
  'ahead-chunk': { read: ahead.aheadChunk.decode },
  queue: { read: federation.queueRequest.decode },
  'queue-answer': { read: federation.queueAnswer.decode },
  'queue-hashes': { read: federation.queueHashes.decode },
  'queue-states': { read: federation.queueStates.decode },
  'queue-news': { read: federation.queueNews.decode },
  'queue-papers': { read: federation.queuePapers.decode },
  summary: { read: gossip.podSummary.decode, more: short },
  'signed-summary': { read: gossip.signedSummary.decode, more: short },
  gossip: { read: gossip.gossip.decode },
  'try-ports': { read: ports.tryPorts.decode },
  'tried-ports': { read: ports.triedPorts.decode, more: short },
  transfer: { read: federation.transfer.decode },
  'transfer-answer': { read: federation.transferAnswer.decode },
  blind: { read: blind.blindPass.decode },
  'blind-open': { read: blind.blindOpen.decode },
  'blind-answer': { read: blind.blindAnswer.decode },
  'blind-get': { read: blind.blindGet.decode },
  'blind-blob': { read: blind.blindBlob.decode },
  'blind-release': { read: blind.blindRelease.decode },
  'blind-released': { read: blind.blindReleased.decode },
  'key-request': { read: keyAddress.keyRequest.decode },
  'key-make': { read: keyAddress.keyMake.decode },
  'key-made': { read: keyAddress.keyMade.decode },
  'key-page': { read: keyAddress.keyPage.decode, more: 'notices in their order' },
  'signed-token-keys': { read: token.signedTokenKeys.decode },
  'token-keys': { read: token.tokenKeys.decode },
  tokens: { read: token.tokensRequest.decode },
  'tokens-answer': { read: token.tokensAnswer.decode },
  'token-submit': { read: token.tokenSubmit.decode },
  receipt: { read: pod.submitAnswer.decode },
  cursor: { read: pod.cursor.decode },
  'listen-answer': { read: pod.listenAnswer.decode },
  playback: { read: pod.playback.decode },
  page: { read: pod.page.decode, more: 'sequences in order' },
  push: { read: pod.push.decode, more: 'sequences in order' },
  along: { read: along.along.decode },
  'push-along': { read: along.pushAlong.decode, more: 'sequences in order; 64 KiB of blobs' }
}
