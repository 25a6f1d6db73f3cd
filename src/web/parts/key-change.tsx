import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Contact } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { post } from '../data/ask.ts'
import { refresh } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { apart, grouped } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { Button, Fingerprint } from './basics.tsx'
import { Icon } from './icons.tsx'
import { Lapsed } from './lapsed.tsx'

type Question = Pick<Contact, 'alias' | 'fingerprint'> & { other: string }

interface Words {
  title: string
  text: string
  other: string
  sure: string
  accept: string
  done: string
  keep: string | null
}

const changed: Words = {
  title: 'has another key than before.',
  text: 'They made a new key, or somebody else answers in their name. Ask them, by another way than Muttr, and compare the new fingerprint. Until you answer, letters to and from them wait.',
  other: 'New',
  sure: 'They told me that the new fingerprint is theirs',
  accept: 'Pin the new key',
  done: 'The new key is pinned.',
  keep: 'Keep the old one'
}

const disputed: Words = {
  title: 'has an old key that named two others as its successor.',
  text: 'Somebody else has that old key. Ask them, by another way than Muttr, which key is theirs. Nothing is sent until you answer.',
  other: 'Also named',
  sure: 'They told me that the pinned fingerprint is theirs',
  accept: 'Keep the pinned key',
  done: 'The pinned key stays.',
  keep: null
}

/** Nothing is sent to them as it is. */
export const isStopped = ({ changedTo, disputed, lapsed, withdrawn }: Contact): boolean =>
  changedTo !== null || disputed !== null || lapsed === 'revoked' || withdrawn !== null

/** What is to be known, or decided, about somebody's key before they are written to. Source: docs/protocol/keys.md#pins */
export function KeyNews({ contact }: { contact: Contact }): JSX.Element {
  const { changedTo, disputed: also, escrow, lapsed, succession, verified, withdrawn } = contact
  return (
    <>
      {changedTo && <Decide question={{ ...contact, other: changedTo }} words={changed} />}
      {!changedTo && also && <Decide question={{ ...contact, other: also }} words={disputed} />}
      {lapsed && <Lapsed contact={contact} />}
      {withdrawn && (
        <div class="callout bad" role="alert">
          <Icon name="warning" />
          <p>
            Their pod has taken this name back {apart(withdrawn.atMs, nowMs.value)}
            {withdrawn.reason !== '' && (
              <>
                {': '}
                <Safe text={withdrawn.reason} />
              </>
            )}
            . Nothing is sent there: ask them for another address, by another way.
          </p>
        </div>
      )}
      {escrow && (
        <div class="callout">
          <Icon name="warning" />
          <p>
            Their pod says that it holds what recovers the keys of its people: whoever has that can
            read what you write them.
          </p>
        </div>
      )}
      {succession && !verified && !also && (
        <div class="callout">
          <Icon name="shield" />
          <p>
            They changed their key {apart(succession.atMs, nowMs.value)}. The one before,{' '}
            <code>{grouped(succession.from).slice(-2).join(' ')}</code> at its end, named the new
            one, and their pod agrees. Compare keys again if it matters.
          </p>
        </div>
      )}
    </>
  )
}

/** Somebody's name leads to more than one key. Nothing is sent to it, nor shown from it, until the person has answered. */
function Decide({
  question: { alias, fingerprint, other },
  words
}: {
  question: Question
  words: Words
}): JSX.Element {
  const isSure = useSignal(false)
  const accept = () =>
    attempt(async () => {
      await post('/contacts/accept', { alias })
      await refresh()
      tell(words.done)
    })
  return (
    <div class="callout bad key-change" role="alert">
      <Icon name="warning" />
      <div>
        <p>
          <strong>
            <Safe text={alias} /> {words.title}
          </strong>
        </p>
        <p>{words.text}</p>
        <dl class="keys">
          <dt>Pinned</dt>
          <dd>
            <Fingerprint hex={fingerprint} />
          </dd>
          <dt>{words.other}</dt>
          <dd>
            <Fingerprint hex={other} />
          </dd>
        </dl>
        <label class="check">
          <input
            type="checkbox"
            checked={isSure}
            onChange={event => (isSure.value = event.currentTarget.checked)}
          />
          {words.sure}
        </label>
        <div class="buttons">
          <Button kind="danger" disabled={!isSure.value} onClick={() => void accept()}>
            {words.accept}
          </Button>
          {words.keep && (
            <Button
              kind="quiet"
              onClick={() => tell('Nothing was changed. The old key stays pinned.')}
            >
              {words.keep}
            </Button>
          )}
        </div>
      </div>
    </div>
  )
}
