import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { SentAttachment, SentEntry, SentLetter } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { ask, post } from '../data/ask.ts'
import { mailChanged } from '../data/mailbox.ts'
import { attempt, sentence, tell } from '../data/toasts.ts'
import { go } from '../route.ts'
import { apart, size } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { Button } from './basics.tsx'
import { Confirm } from './confirm.tsx'
import { Icon } from './icons.tsx'
import { nextTry } from './steps.tsx'

/** Nothing is done for it any longer. */
export const isOver = ({ state }: SentLetter): boolean =>
  ['accepted', 'withdrawn', 'expired'].includes(state)

/** Why a letter waits, and what to do about it. */
export function Waiting({ letter }: { letter: SentLetter }): JSX.Element | null {
  const isBusy = useSignal(false)
  const { waiting } = letter
  if (!waiting) return null
  const isHeld = waiting.code === 'LETTER_HELD'
  const send = async () => {
    isBusy.value = true
    const sent = await attempt(() => post<SentLetter>(`/sent/${letter.id}/resend`))
    isBusy.value = false
    if (!sent) return
    tell(sent.waiting ? `It waits here: ${sent.waiting.message}` : 'On its way.')
    mailChanged()
  }
  return (
    <div class="callout">
      <Icon name="clock" />
      <div>
        <p>
          <strong>{sentence(waiting.message)}</strong> {!isHeld && waiting.hint}
        </p>
        {isHeld ? (
          <>
            <p>
              This mailbox came out of a backup. If they have the letter already, a second one of
              the same is dropped there; if you took it back since, take it back again.
            </p>
            <div class="buttons">
              <Button icon="sent" kind="primary" busy={isBusy.value} onClick={() => void send()}>
                Send it
              </Button>
            </div>
          </>
        ) : (
          <p class="hint">{sentence(nextTry(waiting.retryAtMs))}</p>
        )}
      </div>
    </div>
  )
}

/** A letter that did not arrive, to be sent anew: as a draft, since much may have changed. */
export function WriteAgain({ letter }: { letter: SentEntry }): JSX.Element | null {
  if (letter.state !== 'expired' && letter.state !== 'withdrawn') return null
  const write = () =>
    attempt(async () => {
      const { to, from, subject, body, mimeType, parent } = letter
      const fields = { to, from, subject, body, mimeType, ...(parent && { parent }) }
      const { id } = await post<{ id: string }>('/drafts', fields)
      go('write', id)
    })
  return (
    <Button icon="write" onClick={() => void write()}>
      Write it again
    </Button>
  )
}

/** Files that go with a sent letter. */
export const SentFiles = ({ files }: { files: readonly SentAttachment[] }): JSX.Element | null =>
  files.length === 0 ? null : (
    <ul class="files" aria-label="Files of this letter">
      {files.map(({ id, name, sizeBytes, expiryMs }) => (
        <li key={id} class="file-row">
          <Icon name="clip" size={16} />
          <div class="file-text">
            <p class="file-name">
              <Safe text={name} />
            </p>
            <p class="hint">
              {size(sizeBytes)} · gone from the network {apart(expiryMs, nowMs.value)}
            </p>
          </div>
        </li>
      ))}
    </ul>
  )

interface DeleteLetterProps {
  letter: { id: string }
  direction: 'in' | 'out'
  onDeleted: () => void
}

/** Deletes one letter here, after a question. */
export function DeleteLetter({ letter, direction, onDeleted }: DeleteLetterProps): JSX.Element {
  const isAsking = useSignal(false)
  const remove = () =>
    attempt(async () => {
      const list = direction === 'in' ? 'inbox' : 'sent'
      await ask(`/${list}/${letter.id}`, { method: 'DELETE' })
      tell('Deleted.')
      mailChanged()
      onDeleted()
    })
  return (
    <>
      <Button icon="trash" kind="quiet" onClick={() => (isAsking.value = true)}>
        Delete
      </Button>
      {isAsking.value && (
        <Confirm
          title="Delete this letter?"
          yes="Delete it"
          no="Keep it"
          onYes={remove}
          onClose={() => (isAsking.value = false)}
        >
          It is gone for good from this computer. The other side keeps what it has.
        </Confirm>
      )}
    </>
  )
}
