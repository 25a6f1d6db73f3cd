import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { OwnAddress } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { json, post } from '../data/ask.ts'
import { onEvent } from '../data/live.ts'
import { aliases } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Button, Dialog, Spinner } from '../parts/basics.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { QrCode } from '../parts/qr-code.tsx'
import { Section } from '../parts/section.tsx'
import { apart, count } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import type { HandedOut } from './new-address.tsx'
import { NewAddress } from './new-address.tsx'

/** Addresses by which the own pod knows letters, and not who writes. Source: docs/protocol/address.md */
export function Addresses(): JSX.Element {
  const all = useSignal<readonly OwnAddress[] | null>(null)
  const isMaking = useSignal(false)
  const made = useSignal<HandedOut | null>(null)
  const dropping = useSignal<OwnAddress | null>(null)
  const load = () =>
    attempt(async () => {
      all.value = await json<OwnAddress[]>('/addresses')
    })
  useEffect(() => {
    void load()
    return onEvent(({ type }) => {
      if (type === 'address') void load()
    })
  }, [])
  const renew = (contact: string) =>
    attempt(async () => {
      const { renewed } = await post<{ renewed: boolean }>('/addresses/renew', { alias: contact })
      tell(
        renewed
          ? `${contact} is told of another address.`
          : `${contact} has no address of yours but the one in the directory.`
      )
      await load()
    })
  return (
    <Section
      title="Addresses at your pod"
      note="Your pod knows letters by these, and not who writes: one for each correspondent, made by itself, and those that you hand out."
    >
      {all.value === null ? (
        <Spinner />
      ) : (
        <ul class="devices" aria-label="Addresses at your pod">
          {all.value.length === 0 && (
            <li class="hint">
              None yet. The first is made when somebody and you have written to each other.
            </li>
          )}
          {all.value.map(address => (
            <Row
              key={address.id}
              address={address}
              onRenew={renew}
              onDrop={() => (dropping.value = address)}
            />
          ))}
        </ul>
      )}
      <div class="buttons">
        <Button
          icon="write"
          disabled={aliases.value.length === 0}
          onClick={() => (isMaking.value = true)}
        >
          Make one to hand out
        </Button>
      </div>
      {isMaking.value && (
        <NewAddress
          onClose={() => (isMaking.value = false)}
          onMade={address => {
            isMaking.value = false
            made.value = address
            void load()
          }}
        />
      )}
      {made.value && <Made address={made.value} onClose={() => (made.value = null)} />}
      {dropping.value && (
        <Drop address={dropping.value} onDone={load} onClose={() => (dropping.value = null)} />
      )}
    </Section>
  )
}

interface RowProps {
  address: OwnAddress
  onRenew: (contact: string) => void
  onDrop: () => void
}

function Row({ address, onRenew, onDrop }: RowProps): JSX.Element {
  const { id, contact, alias, policy, waiting, blind, pod } = address
  return (
    <li class="device">
      <div class="device-text">
        <p class="device-name">
          <Safe text={nameOf(address)} />
          {contact === null && <span class="chip">Handed out</span>}
        </p>
        <p class="hint">
          <code>{id.slice(0, 8)}</code> · for <Safe text={alias} /> · {policies[policy]}
        </p>
        {contact === null && <p class="hint">{lifeOf(address)}</p>}
        {blind && (
          <p class="hint">
            At <Safe text={pod} />, which does not know whose it is.
          </p>
        )}
        {waiting > 0 && <p class="hint">{count(waiting, 'letter waits', 'letters wait')} there.</p>}
      </div>
      {contact === null ? (
        <Button label={`Take back ${nameOf(address)}`} icon="trash" kind="quiet" onClick={onDrop} />
      ) : (
        <Button onClick={() => onRenew(contact)}>Renew</Button>
      )}
    </li>
  )
}

const nameOf = ({ contact, note, id }: OwnAddress): string =>
  contact ?? (note === '' ? `address ${id.slice(0, 8)}` : note)

const policies: Record<OwnAddress['policy'], string> = {
  pull: 'letters come at once',
  ask: 'letters wait until you look',
  ignore: 'letters are dropped'
}

function lifeOf({ usesLeft, untilMs }: OwnAddress): string {
  const takes = usesLeft === null ? 'as many letters as come' : count(usesLeft, 'letter')
  const until =
    untilMs === null ? 'until you take it back' : `and ends ${apart(untilMs, nowMs.value)}`
  return `Takes ${takes}, ${until}.`
}

/** The link is shown once: nobody has it but who is given it. */
function Made({ address, onClose }: { address: HandedOut; onClose: () => void }): JSX.Element {
  const copy = () =>
    attempt(async () => {
      await navigator.clipboard.writeText(address.link)
      tell('The link is copied.')
    })
  return (
    <Dialog title="An address to hand out" onClose={onClose}>
      <div class="stack card-sheet">
        <QrCode text={address.link} label="The link as a QR code" />
        <strong>
          <Safe text={nameOf(address)} />
        </strong>
        <code class="link-code">{address.link}</code>
        <p class="hint">
          {lifeOf(address)} Who has the link can write to <Safe text={address.alias} /> first, and
          knows that the key is yours. It is not shown again.
        </p>
        <Button kind="primary" onClick={() => void copy()}>
          Copy the link
        </Button>
      </div>
    </Dialog>
  )
}

const Drop = ({
  address,
  onDone,
  onClose
}: {
  address: OwnAddress
  onDone: () => Promise<unknown>
  onClose: () => void
}): JSX.Element => (
  <Confirm
    title="Take this address back?"
    yes="Take it back"
    no="Keep it"
    onClose={onClose}
    onYes={async () => {
      await attempt(async () => {
        await post('/addresses/revoke', { id: address.id })
        tell('It leads nowhere now.')
        await onDone()
      })
    }}
  >
    What is written to <Safe text={nameOf(address)} /> from now on is lost, and who writes cannot
    tell.
  </Confirm>
)
