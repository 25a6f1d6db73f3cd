import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Contact, Verification } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { json, type Problem, post, problemOf } from '../data/ask.ts'
import { contacts, refresh, setup } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import {
  Avatar,
  Button,
  Dialog,
  Empty,
  Field,
  Fingerprint,
  Spinner,
  Trouble
} from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { KeyChange } from '../parts/key-change.tsx'
import { useKeys } from '../parts/shortcuts.tsx'
import { Trust } from '../parts/trust.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'
import { go, href, route } from '../route.ts'
import { apart } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

/** People whose keys are pinned. */
export function Contacts(): JSX.Element {
  const { id } = route.value
  const isAdding = useSignal(false)
  const people = contacts.value.toSorted(
    (a, b) =>
      Number(b.changedTo !== null) - Number(a.changedTo !== null) || a.alias.localeCompare(b.alias)
  )
  const index = people.findIndex(({ alias }) => alias === id)
  const chosen = people[index]
  const move = (by: number) => {
    const next = people[Math.max(0, Math.min(people.length - 1, index + by))]
    if (next) go('contacts', next.alias)
  }
  useKeys({ j: () => move(1), k: () => move(-1), Escape: () => go('contacts') })
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
        {contact.changedTo ? (
          <span class="trust unsure">
            <Icon name="warning" size={14} /> Key changed: needs your answer
          </span>
        ) : (
          <Trust from={contact} />
        )}
      </span>
    </span>
  </a>
)

function Person({ contact }: { contact: Contact }): JSX.Element {
  const isVerifying = useSignal(false)
  return (
    <div class="conversation">
      <header class="conversation-head">
        <Button
          icon="back"
          label="Back to the list"
          keys="Escape"
          kind="quiet"
          onClick={() => go('contacts')}
        />
        <Avatar alias={contact.alias} fingerprint={contact.fingerprint} />
        <div class="conversation-title">
          <h2>
            <Safe text={contact.alias} />
          </h2>
          <p>
            <Trust from={contact} />
          </p>
        </div>
        <div class="tools">
          <Button
            icon="write"
            kind="primary"
            onClick={() => go('write', undefined, { to: contact.alias })}
          >
            Write
          </Button>
        </div>
      </header>
      <div class="letters">
        {contact.changedTo && <KeyChange contact={contact} />}
        <section class="letter sheet">
          <h3>Fingerprint</h3>
          <Fingerprint hex={contact.fingerprint} />
          <p class="hint">
            Pinned {apart(contact.pinnedMs, nowMs.value)}. As long as it is, nobody else can write
            in their name, and their pod cannot give you another key unnoticed.
          </p>
          {contact.verified ? (
            <p class="callout good">
              <Icon name="shield" /> You compared keys with them.
            </p>
          ) : (
            <div class="buttons">
              <Button icon="shield" onClick={() => (isVerifying.value = true)}>
                Compare keys
              </Button>
            </div>
          )}
        </section>
      </div>
      {isVerifying.value && (
        <Verify contact={contact} onClose={() => (isVerifying.value = false)} />
      )}
    </div>
  )
}

function Verify({ contact, onClose }: { contact: Contact; onClose: () => void }): JSX.Element {
  const words = useSignal<readonly string[]>([])
  useEffect(() => {
    void attempt(async () => {
      const shown = await json<Verification>('/contacts/verification', {
        query: { alias: contact.alias }
      })
      words.value = shown.words
    })
  }, [])
  const verify = () =>
    attempt(async () => {
      await post('/contacts/verify', { alias: contact.alias, shown: words.value.join(' ') })
      await refresh()
      tell(`${contact.alias} is verified.`)
      onClose()
    })
  return (
    <Dialog title="Compare keys" wide onClose={onClose}>
      <div class="stack">
        <p>
          Read these words to each other: on the telephone, across a table, by any way that is not
          Muttr. They come from both of your keys. If both of you see the same twelve, nobody stands
          between you.
        </p>
        {words.value.length === 0 ? (
          <Spinner />
        ) : (
          <ol class="twelve">
            {words.value.map(word => (
              <li>{word}</li>
            ))}
          </ol>
        )}
        <details>
          <summary>Fingerprints instead</summary>
          <div class="compare">
            <div>
              <h3>
                <Safe text={contact.alias} />
              </h3>
              <Fingerprint hex={contact.fingerprint} />
            </div>
            <div>
              <h3>You</h3>
              <Fingerprint hex={setup.value?.fingerprint ?? ''} />
            </div>
          </div>
        </details>
        <div class="buttons">
          <Button
            kind="primary"
            icon="check"
            disabled={words.value.length === 0}
            onClick={() => void verify()}
          >
            They are the same
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Not yet
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

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
