import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Contact } from '../../client/client.ts'
import { json, type Problem, post, problemOf } from '../data/ask.ts'
import { contacts, refresh } from '../data/session.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Button, Dialog, Empty, Field, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { isStopped } from '../parts/key-change.tsx'
import { lapseNames } from '../parts/lapsed.tsx'
import { rowId, useListKeys } from '../parts/list-keys.ts'
import { isMoveDenied } from '../parts/move-news.tsx'
import { Trust } from '../parts/trust.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'
import { go, href, route } from '../route.ts'
import { Safe } from '../text/safe.tsx'
import { Person } from './person.tsx'

/** Something about their key, or where they are, is to be decided. */
const needsAnswer = (contact: Contact): boolean =>
  isStopped(contact) || isMoveDenied(contact) || contact.lapsed !== null

/** People whose keys are pinned. */
export function Contacts(): JSX.Element {
  const { id } = route.value
  const isAdding = useSignal(false)
  const people = contacts.value.toSorted(
    (a, b) => Number(needsAnswer(b)) - Number(needsAnswer(a)) || a.alias.localeCompare(b.alias)
  )
  const index = useListKeys({
    view: 'contacts',
    items: () => people,
    keyOf: ({ alias }) => alias
  })
  const chosen = id === undefined ? undefined : people[index]
  return (
    <div class={`panes${chosen ? ' has-open' : ''}`}>
      <section class="pane-list" aria-label="Contacts">
        <header class="pane-head">
          <h1>Contacts</h1>
          <Button
            icon="write"
            label="Add somebody"
            kind="quiet"
            onClick={() => (isAdding.value = true)}
          />
        </header>
        {people.length === 0 ? (
          <Empty icon="people" title="Nobody yet">
            <p>Whoever you write to is here afterwards, with the key that was seen first.</p>
            <Button kind="primary" onClick={() => (isAdding.value = true)}>
              Add somebody
            </Button>
          </Empty>
        ) : (
          <VirtualList
            items={people}
            keyOf={({ alias }) => alias}
            rowHeight={68}
            label="People"
            selected={index}
            row={contact => <Row contact={contact} isOpen={contact.alias === id} />}
          />
        )}
      </section>
      <section class="pane-open" aria-label="Contact">
        {chosen ? (
          <Person key={chosen.alias} contact={chosen} />
        ) : (
          <Empty icon="people" title="Choose somebody">
            <p>You see their key, and how sure it is that it is theirs.</p>
          </Empty>
        )}
      </section>
      {isAdding.value && <Add onClose={() => (isAdding.value = false)} />}
    </div>
  )
}

const Row = ({ contact, isOpen }: { contact: Contact; isOpen: boolean }): JSX.Element => (
  <a
    id={rowId(contact.alias)}
    class="row slim"
    href={href('contacts', contact.alias)}
    aria-current={isOpen ? 'true' : undefined}
  >
    <Avatar alias={contact.alias} fingerprint={contact.fingerprint} />
    <span class="row-text">
      <span class="row-who">
        <Safe text={contact.alias} />
      </span>
      <span class="row-snippet">
        {needsAnswer(contact) ? (
          <span class="trust unsure">
            <Icon name="warning" size={14} />{' '}
            {contact.lapsed
              ? lapseNames[contact.lapsed]
              : contact.changedTo
                ? 'Key changed: needs your answer'
                : contact.withdrawn
                  ? 'Name taken back by its pod'
                  : contact.disputed
                    ? 'Two keys: needs your answer'
                    : 'Said to have moved: needs your answer'}
          </span>
        ) : (
          <Trust from={contact} />
        )}
      </span>
    </span>
  </a>
)

function Add({ onClose }: { onClose: () => void }): JSX.Element {
  const alias = useSignal('')
  const problem = useSignal<Problem | null>(null)
  const isBusy = useSignal(false)
  const run = async (add: () => Promise<readonly Contact[]>) => {
    isBusy.value = true
    try {
      const [first] = await add()
      await refresh()
      onClose()
      if (first) go('contacts', first.alias)
    } catch (err) {
      problem.value = problemOf(err)
      if (problem.value.code === 'KEY_CHANGED') await refresh()
    } finally {
      isBusy.value = false
    }
  }
  const look = (event: SubmitEvent) => {
    event.preventDefault()
    void run(async () => [
      await post<Contact>('/lookups', { alias: alias.value.trim().toLowerCase() })
    ])
  }
  const importKey = (files: FileList | null) => {
    const file = files?.[0]
    if (file) void run(() => json<Contact[]>('/keys', { method: 'POST', body: file }))
  }
  return (
    <Dialog title="Add somebody" onClose={onClose}>
      <form class="stack" onSubmit={look}>
        <Field
          label="Their address"
          hint="Their pod is asked for their key, and what it says first is pinned."
        >
          {(id, describedBy) => (
            <input
              id={id}
              aria-describedby={describedBy}
              value={alias}
              placeholder="bob@pod.example"
              autocapitalize="none"
              spellcheck={false}
              required
              onInput={e => (alias.value = e.currentTarget.value)}
            />
          )}
        </Field>
        <Trouble problem={problem.value} />
        <div class="buttons">
          <Button type="submit" kind="primary" busy={isBusy.value}>
            Look up
          </Button>
          <label class="button quiet file">
            <span>Import a key file…</span>
            <input
              type="file"
              class="unseen"
              accept=".asc,.pgp,.gpg,.key"
              onChange={e => importKey(e.currentTarget.files)}
            />
          </label>
        </div>
      </form>
    </Dialog>
  )
}
