import type { JSX } from 'preact'
import type { ReceivedLetter } from '../../client/client.ts'
import { contacts } from '../data/session.ts'
import { lookalikeOf } from '../text/lookalike.ts'
import { Safe } from '../text/safe.tsx'
import { Icon } from './icons.tsx'

type From = Pick<ReceivedLetter['from'], 'alias' | 'verified' | 'certifiedByPod'> & {
  /** Of a contact. */
  invited?: boolean
}

/** A letter that was taken from a file: nobody here has checked who wrote it. */
export const Imported = (): JSX.Element => (
  <span class="trust unsure" title="It came from a file. Who wrote it was not checked here.">
    <Icon name="warning" size={14} /> Imported
  </span>
)

/** How far it can be believed who wrote, in a word and, for who wants it, in a sentence. */
export function Trust({ from }: { from: From }): JSX.Element {
  if (from.verified)
    return (
      <span class="trust verified" title="You compared keys with them.">
        <Icon name="shield" size={15} /> Verified
      </span>
    )
  if (from.invited)
    return (
      <span
        class="trust known"
        title="The link by which you joined named this key, and their pod shows it. You have not compared keys."
      >
        From your invitation
      </span>
    )
  if (from.certifiedByPod)
    return (
      <span
        class="trust known"
        title="Their pod says that this name leads to this key. You have not compared keys."
      >
        Known to the pod
      </span>
    )
  return (
    <span
      class="trust unsure"
      title="Signed by the key that came with it. Nobody has said that the name is that key's."
    >
      <Icon name="warning" size={14} /> Not verified
    </span>
  )
}

/** A warning where a name can be taken for that of somebody known. */
export function Lookalike({ alias }: { alias: string }): JSX.Element | null {
  const known = contacts.value.map(contact => contact.alias)
  const other = known.includes(alias) ? undefined : lookalikeOf(alias, known)
  return (
    (other && (
      <p class="callout bad">
        <Icon name="warning" />
        <span>
          <strong>
            <Safe text={alias} />
          </strong>{' '}
          looks like <strong>{other}</strong>, whom you know. It is somebody else.
        </span>
      </p>
    )) ||
    null
  )
}
