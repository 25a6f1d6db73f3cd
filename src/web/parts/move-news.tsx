import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Contact } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { post } from '../data/ask.ts'
import { refresh } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { go } from '../route.ts'
import { apart } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { Button } from './basics.tsx'
import { Icon } from './icons.tsx'

/** Their key says that they went elsewhere, and their pod that they did not: the person decides. */
export const isMoveDenied = ({ offered }: Contact): boolean => offered?.code === 'MOVE_DENIED'

/** Where somebody went, or is said to have gone. Source: docs/protocol/moving.md#following */
export function MoveNews({ contact }: { contact: Contact }): JSX.Element {
  const { moved, offered } = contact
  return (
    <>
      {moved && (
        <div class="callout">
          <Icon name={moved.agreed ? 'check' : 'warning'} />
          <p>
            They moved here from <Safe text={moved.from} /> {apart(moved.atMs, nowMs.value)}.{' '}
            {moved.agreed
              ? 'Their key says so, and each pod that they left agrees.'
              : 'Their key alone says so: the pod that they left was away. Ask them, by another way, if it matters.'}
          </p>
        </div>
      )}
      {offered && isMoveDenied(contact) && <Denied contact={contact} to={offered.to} />}
      {offered && !isMoveDenied(contact) && (
        <div class="callout">
          <Icon name="warning" />
          <p>
            They are said to have moved to <Safe text={offered.to} />, and that address is not
            theirs as far as its pod says ({offered.code}). Letters still go here.
          </p>
        </div>
      )}
    </>
  )
}

function Denied({ contact: { alias }, to }: { contact: Contact; to: string }): JSX.Element {
  const isSure = useSignal(false)
  const follow = () =>
    attempt(async () => {
      const { alias: now } = await post<Contact>('/contacts/accept', { alias })
      await refresh()
      tell(`Letters go to ${now} now.`)
      go('contacts', now)
    })
  return (
    <div class="callout bad key-change" role="alert">
      <Icon name="warning" />
      <div>
        <p>
          <strong>
            <Safe text={alias} /> says that they moved to <Safe text={to} />, and their pod denies
            it.
          </strong>
        </p>
        <p>
          Either the pod keeps people from leaving, or somebody else has their key. Ask them, by
          another way than Muttr. Until you answer, letters go to the address that you know.
        </p>
        <label class="check">
          <input
            type="checkbox"
            checked={isSure}
            onChange={event => (isSure.value = event.currentTarget.checked)}
          />
          They told me that they moved there
        </label>
        <div class="buttons">
          <Button kind="danger" disabled={!isSure.value} onClick={() => void follow()}>
            Follow them
          </Button>
          <Button
            kind="quiet"
            onClick={() => tell('Nothing was changed. Letters go where they went.')}
          >
            Stay with this address
          </Button>
        </div>
      </div>
    </div>
  )
}
