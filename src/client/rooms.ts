import { codeOf } from '../base/errors.ts'
import { Outbox } from '../base/outbox.ts'
import { openPgp } from '../keys/crypto.ts'
import { subkeyTools } from '../keys/subkeys.ts'
import { makeAddressRooms } from './addresses/rooms.ts'
import { createApplying } from './applying.ts'
import { askAhead, together } from './attachments/attachments.ts'
import { createBackups } from './backup/backup.ts'
import { readingParts } from './blind/reading.ts'
import { createCarried } from './carried.ts'
import { createContactStore } from './contact-store.ts'
import { createContacts } from './contacts.ts'
import type { ClientParts } from './create-client.ts'
import { Devices } from './devices/devices.ts'
import { Dismissing } from './devices/dismissing.ts'
import { JournalRows } from './devices/journal.ts'
import { LastWords } from './devices/last-words.ts'
import { DeviceList, deviceName } from './devices/list.ts'
import { Mirror } from './devices/mirror.ts'
import { OwnLog } from './devices/own-log.ts'
import { DeviceSecrets } from './devices/secrets.ts'
import { SharedAliases } from './devices/shared-aliases.ts'
import { createStrangeKeys } from './devices/strange-keys.ts'
import { createSkew } from './doctor.ts'
import { createEvents } from './events.ts'
import { makeFileRooms } from './file-rooms.ts'
import { Inbox } from './inbox.ts'
import { createInboxStore } from './inbox-store.ts'
import { Linking } from './linking/session.ts'
import { Conversations } from './mailbox/conversations.ts'
import { createDrafts } from './mailbox/drafts.ts'
import { Fetched } from './mailbox/fetched.ts'
import { Mailbox } from './mailbox/mailbox.ts'
import { Search } from './mailbox/search.ts'
import { afterMove } from './moving/after-move.ts'
import { Moving } from './moving/moving.ts'
import { Passing } from './passing.ts'
import { publishPerson } from './person-record.ts'
import { openPodLink } from './pod-link.ts'
import { createPods } from './pods.ts'
import { createRegister } from './register.ts'
import { Releases } from './release.ts'
import { Policies } from './requests/policies.ts'
import { Requests } from './requests/requests.ts'
import { fetchSchedule, releaseSchedule, watchSchedule } from './retry.ts'
import { Rotation } from './rotation.ts'
import { createSelf } from './self.ts'
import { Courier } from './send.ts'
import { podOf } from './sent-rows.ts'
import { createSentStore } from './sent-store.ts'
import { createStrangerFetch } from './stranger-fetch.ts'
import { createStrangers } from './strangers.ts'
import { Succeeding } from './succession/succeeding.ts'
import { Canary } from './trust/canary.ts'
import { Introductions } from './trust/introductions.ts'
import { Revoking } from './trust/revoking.ts'
import { makeTrustRooms } from './trust/rooms.ts'
import { Watch } from './watch.ts'

export type Rooms = Awaited<ReturnType<typeof makeRooms>>

/** The parts of a client, each with what it uses. They are started by who makes them. */
export async function makeRooms({ crypto = openPgp, ...parts }: ClientParts, life: AbortSignal) {
  const { dht, state, clock, random, log, keys, network, device } = parts
  const { aheadBytes = 0, vouched = {} } = parts
  const events = parts.events ?? createEvents()
  const { emit } = events
  const self = await createSelf({ ...parts, crypto, certificate: parts.certificate })
  const skew = createSkew(clock)
  const open = parts.openLink ?? openPodLink
  const conversations = new Conversations({
    state,
    log,
    letter: ({ direction, ref }, closet) =>
      direction === 'in' ? received.member(ref, closet) : sent.member(ref, closet),
    onChange: ref => search.changed(ref)
  })
  const last = new LastWords(state, log)
  const list = new DeviceList({
    ...{ state, clock, log, device },
    peer: network.self,
    name: deviceName(parts.about.name)
  })
  const journal = new JournalRows({
    ...{ state, clock, log, last },
    closet: () => self.openCloset,
    self: list.self,
    isShared: () => !list.loaded || list.siblings().length > 0,
    onNoted: () => own.soon()
  })
  const sent = createSentStore({
    ...{ state, log, conversations, journal },
    closet: () => self.openCloset
  })
  const received = createInboxStore(state, log, conversations)
  const search = new Search({ self, received, sent, log })
  const drafts = createDrafts({ state, self, clock, random, log })
  const contactStore = createContactStore({ state, log, self, journal })
  const carried = createCarried({ clock, log, wantedBytes: parts.alongBytes ?? 0 })
  const pods = createPods({
    ...{ network, dht, state, clock, random, log, crypto, keys, self, device, emit },
    places: parts.pods,
    ...(parts.isBlind !== undefined && { isBlind: parts.isBlind }),
    ...(parts.found && { found: parts.found }),
    ...(parts.allowLocal !== undefined && { allowLocal: parts.allowLocal }),
    openLink: options => open({ ...options, keys, carried }),
    ...(parts.disguise && { disguise: parts.disguise }),
    thin: parts.thin,
    onNotices: async (hostname, entries, how) =>
      inbox.notified(hostname, await canary.sift(entries), how),
    onIdentified(hostname, link) {
      moving.met(hostname, link.pod)
      return succeeding.handOver(hostname, link)
    },
    onStanding: (hostname, standing) => applying.heard(hostname, standing),
    onNews: (hostname, news) => courier.heard(hostname, news),
    onUp(hostname) {
      moving.up(hostname)
      courier.wake(
        row =>
          podOf(row) === hostname || row.via === hostname || passing.of(row.id)?.pod === hostname
      )
      inbox.wake()
      requests.wake()
      addresses.wake()
    }
  })
  const passing = await Passing.open({
    ...{ state, pods, clock, log, crypto, keys },
    noticesBy: parts.isBlind ? 'direct' : (parts.noticesBy ?? 'own-pod')
  })
  const record = await publishPerson({
    ...parts,
    self,
    pods,
    publish: parts.publishAliases ?? false
  })
  const policies = new Policies({
    state,
    clock,
    random,
    log,
    journal,
    vouched,
    strangers: parts.requests ?? 'ask',
    onChange: () => addresses.changed()
  })
  const { splits, views, alarms } = makeTrustRooms({ ...parts, self, pods, emit, life })
  const contacts = createContacts({
    store: contactStore,
    ...{ self, clock, log, crypto, pods, emit, life, vouched, views },
    ...(!parts.isBlind && { dht }),
    policyOf: alias => policies.ofContact(alias),
    onMoved: (from, to) =>
      afterMove({ state, self, policies, contactStore, courier, watch }, from, to),
    onOtherKey: alias => addresses.otherKey(alias)
  })
  const addressRooms = makeAddressRooms({
    ...{ state, self, pods, contacts, policies, passing, journal, list },
    ...{ clock, random, log, crypto, emit, life, isBlind: parts.addresses === 'blind' },
    onNotices: (pod, notices) => inbox.notified(pod, notices, 'playback')
  })
  const { addresses, relations, published } = addressRooms
  const introductions = new Introductions({ vouched, contacts, policies, self, log, life })
  const registering = createRegister({
    ...{ self, pods, events, clock },
    async onCertified(alias, certificate, isNew) {
      record.look()
      await rotation.published(alias, certificate)
      if (isNew && !(await aliases.isPlanned(alias)))
        await state.write(journal.note([{ type: 'alias', alias }]))
    }
  })
  const applying = createApplying({
    ...{ state, clock, log, pods, life },
    register: registering
  })
  const { register } = applying
  const moving: Moving = new Moving({
    ...{ self, pods, dht, journal, register, record, clock, log, emit, crypto, life },
    hasOthers: () => list.loaded && list.others().length > 0,
    sent: () => own.quiet(),
    onElsewhere: (to, move) => aliases.went(to, move)
  })
  const rotation = new Rotation({
    ...{ state, self, contacts, clock, log, emit },
    tools: subkeyTools,
    secrets: () => secrets,
    isCaughtUp: () => devices.isCaughtUp(),
    rank: () => list.rank,
    everyMs: parts.subkeyEveryMs ?? null,
    certify: alias => register(alias, { signal: life })
  })
  const mailbox = new Mailbox({
    ...{ self, contacts, received, sent, conversations, log, journal },
    files: {
      show: letter => downloads.show(letter),
      forgetLetter: key => downloads.forgetLetter(key)
    },
    sentFiles: letter => letterFiles.shown(letter),
    handed: letter => passing.of(letter),
    ...(parts.searchAhead && { onLook: () => search.prepare() })
  })
  const backups = createBackups({
    ...{ state, self, clock, random, log, emit },
    files: parts.backupFiles ?? (async () => []),
    filesAlong: parts.linkFiles ?? (async () => []),
    pod: parts.backupPod ?? async function* () {}
  })
  const linking = new Linking({
    ...{ network, clock, random, log, life },
    addresses: parts.linkAddresses ?? (() => []),
    goods: options => backups.forDevice(options),
    expect: () => devices.expect(),
    linked: card => devices.linked(card)
  })
  const revoking = new Revoking({ state, self, pods, clock, log, life, journal })
  const isOnItsWay = createStrangeKeys({ state, clock, isCaughtUp: () => devices.isCaughtUp() })
  const canary = new Canary({
    ...{ state, self, pods, alarms, views, clock, random, log, crypto, life },
    everyMs: parts.canaryEveryMs ?? null,
    published: alias => rotation.shownBy(alias),
    isOnItsWay: async key => (await succeeding.isNext(key)) || isOnItsWay(key),
    hasTaken: pod => succeeding.hasTaken(pod)
  })
  const relay = (pod: string) => pods.relay(pod, life)
  const { reading, strangersBy } = readingParts(parts, { pods, life })
  const strangerFetch = createStrangerFetch({ dht: reading, relay, life, by: strangersBy })
  const releases = new Releases({
    dht: reading,
    ourPeer: keys.self,
    state,
    contacts,
    self,
    outbox: new Outbox({ schedule: releaseSchedule, parallel: 8 }),
    receipts: parts.receipts ?? 'contacts',
    strangersBy,
    isHeld: key => journal.isHeld(key),
    relay,
    clock,
    random,
    log,
    crypto,
    emit,
    life
  })
  const own: OwnLog = new OwnLog({
    ...{ state, dht, pods, self, list, journal, releases, clock, random, log, crypto, life },
    outbox: new Outbox({ parallel: 4 }),
    taken: () => devices.taken(),
    sealedTo: () => secrets.sealedTo(),
    onAnnounced: () =>
      void Promise.all([succeeding.look(), rotation.look()]).catch(err =>
        log.warn('keys stay as they are', { err })
      )
  })
  const secrets = new DeviceSecrets({ ...{ state, clock, log, self, list }, journal, own, crypto })
  const succeeding: Succeeding = new Succeeding({
    ...{ state, self, pods, contacts, rotation, secrets, clock, log, emit, crypto, life },
    unseal: () => courier.unseal(),
    sent: () => own.quiet(),
    listed: () => devices.listed(),
    onBecome: () => inbox.wake()
  })
  const aliases: SharedAliases = new SharedAliases({
    ...{ state, self, log },
    register: alias => register(alias, { signal: life }),
    leave: move => moving.adopt(move)
  })
  const mirror = new Mirror({
    ...{ aliases, secrets },
    ...{ state, self, device, list, last, received, sent, mailbox, contacts, policies },
    ...{ relations, published },
    ...{ crypto, log, emit },
    tools: subkeyTools,
    ...{ requests: () => requests, onSubkeys: () => inbox.wake(), succeeding: () => succeeding }
  })
  const devices: Devices = new Devices({
    ...{ state, self, list, journal, own, mirror, last, sent, clock, log, crypto, emit },
    isCaughtUp: () =>
      inbox.openable === 0 &&
      pods.lines.every(line => line.caughtUp || moving.isLeft(line.hostname)),
    rotate: () => rotation.look(),
    onCopied: () => succeeding.copied(),
    ...{ aliases, secrets },
    dismissing: new Dismissing({ state, self, pods, clock, log, crypto, life })
  })
  const requests = new Requests({
    ...{ state, store: received, self, contacts, policies, pods },
    ...{ clock, log, crypto, emit, life },
    onAccepted: rows => inbox.accepted(rows)
  })
  const fetched = new Fetched({
    ...{ state, self, strangerFetch, carried, clock, random, log, emit, life },
    strangers: createStrangers(),
    queue: new Outbox({ schedule: fetchSchedule, parallel: 8 })
  })
  const inbox = new Inbox({
    fetched,
    dht: reading,
    releases,
    contacts,
    addresses,
    self,
    store: received,
    queue: new Outbox({ schedule: fetchSchedule, parallel: 16 }),
    strangers: createStrangers(),
    requests,
    strangerFetch,
    onProbe: alias => canary.arrived(alias),
    devices,
    clock,
    random,
    log,
    crypto,
    emit(event) {
      emit(event)
      if (event.type === 'opened')
        askAhead(event.letter, { downloads, received, self, contacts, maxBytes: aheadBytes }).catch(
          err => log.debug('not fetched ahead', { code: codeOf(err) })
        )
    },
    life
  })
  const fileRooms = makeFileRooms({
    ...{ ...parts, self, contacts, pods, strangerFetch, backups, list, emit, life, relay },
    ourPeer: keys.self,
    onStored: letters => courier.wake(({ id }) => letters.includes(id))
  })
  const { uploads, downloads, letterFiles, networkBackups } = fileRooms
  const courier = new Courier({
    dht,
    ourPeer: parts.keys.self,
    pods,
    contacts,
    addresses,
    self,
    store: sent,
    outbox: new Outbox(),
    clock,
    random,
    log,
    crypto,
    emit,
    life,
    skew,
    passing,
    files: letterFiles,
    onStored: row => watch.watch(row),
    received: id => mailbox.received(id),
    contactStore,
    drafts
  })
  const watch = new Watch({
    dht,
    ourPeer: parts.keys.self,
    store: sent,
    self,
    contacts,
    outbox: new Outbox({ schedule: watchSchedule, parallel: 4 }),
    clock,
    random,
    log,
    crypto,
    emit,
    life,
    relay,
    announceAgain: row => courier.announceAgain(row),
    onOver: ({ id }) => void courier.halt(id)
  })
  const stores = { sent, received, conversations, contactStore, drafts }
  const mail = {
    requests,
    policies,
    inbox,
    mailbox,
    search,
    fetched,
    courier,
    strangerFetch,
    watch,
    releases,
    ...stores
  }
  const files = { uploads, downloads, letterFiles, networkBackups, files: together(fileRooms) }
  const machines = { devices, own, addresses, addressRooms }
  const trusted = { rotation, succeeding, alarms, canary, splits, views, revoking, introductions }
  const trust = { ...trusted, register, moving, applying, backups, linking }
  return { self, pods, contacts, skew, events, record, ...machines, ...trust, ...mail, ...files }
}
