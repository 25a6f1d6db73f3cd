import { codeOf } from '../base/errors.ts'
import { readAlias } from '../pod/alias.ts'
import { dropFilesOf } from './attachments/attachments.ts'
import type { Client } from './client.ts'
import type { ClientParts } from './create-client.ts'
import { exportLetters } from './mailbox/export.ts'
import { importLetters } from './mailbox/import.ts'
import { makeProof } from './proof.ts'
import { retract } from './retract.ts'
import type { Rooms } from './rooms.ts'
import { within } from './waiting.ts'

const sentMax = 50
const letInMs = 5_000

/** What a person does with letters. */
export function letters(rooms: Rooms, { clock, log }: ClientParts, life: AbortSignal) {
  const {
    courier,
    inbox,
    mailbox,
    drafts,
    watch,
    sent: store,
    self,
    events,
    requests,
    policies
  } = rooms
  const { emit } = events
  const dropFiles = (letter: string) => dropFilesOf(letter, rooms)
  const until = (signal: AbortSignal | undefined) =>
    signal ? AbortSignal.any([signal, life]) : life
  return {
    async send(draft, options) {
      const { full, hostname } = readAlias(await rooms.contacts.now(readAlias(draft.to).full))
      // To who is known the letter waits until their pod is found.
      if (!(await rooms.contacts.known(full)))
        await rooms.pods.know(hostname, until(options?.signal))
      return await courier.send(draft, options?.signal)
    },
    sent: options => courier.sent(options?.limit ?? sentMax),
    async sentLetter(id, { signal } = {}) {
      const row = await courier.row(id)
      self.closet() // a locked vault is told of before anybody is asked
      if (row.stage !== 'expired' && row.copies.length > 0)
        await watch.look(row, until(signal)).catch(err => {
          if (codeOf(err) === 'CANCELLED') throw err
          log.debug('its holders cannot be asked', { code: codeOf(err) })
        })
      await watch.settle(row)
      return courier.letter(row)
    },
    retract: (id, { signal } = {}) =>
      retract({ store, courier, watch, self, clock, log, emit, dropFiles }, id, until(signal)),
    resend: async id => courier.resend(await courier.row(id)),
    proof: async id => makeProof({ store, pods: rooms.pods }, await courier.row(id)),
    inbox: options => {
      rooms.addresses.looked()
      return mailbox.inbox(options)
    },
    read: id => mailbox.read(id),
    conversations: query => {
      rooms.addresses.looked()
      return mailbox.conversations(query)
    },
    conversation: (thread, options) => mailbox.conversation(thread, options),
    changeConversation: (thread, change) => mailbox.changeConversation(thread, change),
    labels: () => mailbox.labels(),
    search: (text, options) => rooms.search.find(text, options),
    deleteReceived: id => mailbox.deleteReceived(id),
    async deleteSent(id) {
      const done = await mailbox.deleteSent(id)
      await rooms.letterFiles.unbind(id)
      return done
    },
    exportLetters: () => exportLetters({ ...rooms, log }),
    importLetters: file => importLetters({ ...rooms, clock, log }, file),
    drafts: () => drafts.list(),
    saveDraft: (fields, id) => drafts.save(fields, id),
    async deleteDraft(id) {
      await drafts.delete(id)
      return { deleted: id }
    },
    async requests(options) {
      self.closet()
      await heldBack(rooms, clock)
      return requests.list(options)
    },
    async decide(id, decision) {
      await requests.decide(id, decision)
      // Whoever lets letters in wants to see them; what takes longer goes on by itself.
      await within(inbox.quiet(), { clock, timeoutMs: letInMs }).catch(() => undefined)
    },
    async policies() {
      self.closet()
      return policies.list()
    },
    choosePolicy: (alias, policy) => requests.choose(alias, policy)
  } satisfies Partial<Client>
}

/** What pods hold back of senders about whom the person wants to be asked is for who looks; what takes longer comes by itself. */
async function heldBack(
  { addresses, events, inbox }: Pick<Rooms, 'addresses' | 'events' | 'inbox'>,
  clock: ClientParts['clock']
): Promise<void> {
  const stop = new AbortController()
  const come = events.stream(stop.signal)
  const work = addresses.ask().then(async count => {
    for (let left = count; left > 0; ) {
      const { value, done } = await come.next()
      if (done) return
      if (value.type === 'notified') left -= 1
    }
    if (count > 0) await inbox.quiet()
  })
  await within(work, { clock, timeoutMs: letInMs }).catch(() => undefined)
  stop.abort()
}
