import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { joinDevice } from '../data/devices.ts'
import { Field } from '../parts/basics.tsx'
import { Misplaced } from '../parts/misplaced.tsx'
import { NewHome, Pasted } from '../parts/new-home.tsx'
import { isJoinLink } from '../text/codes.ts'
import { count } from '../text/format.ts'

interface JoinDeviceProps {
  /** A code that was pasted elsewhere. */
  given: string
  onBack: () => void
  /** It was a join link. */
  onLink: (link: string) => void
}

/** This computer as another device of somebody who has one already. Source: docs/protocol/link.md */
export function JoinDevice({ given, onBack, onLink }: JoinDeviceProps): JSX.Element {
  const code = useSignal(given)
  const name = useSignal('')
  const history = useSignal(true)
  const rows = useSignal<number | null>(null)
  const make = async (passphrase: string, signal: AbortSignal) => {
    try {
      rows.value = 0
      await joinDevice({
        code: code.value.trim(),
        ...(name.value.trim() && { name: name.value.trim() }),
        ...{ passphrase, signal, history: history.value },
        onProgress: taken => (rows.value = taken)
      })
    } finally {
      rows.value = null
    }
  }
  return (
    <NewHome
      title="From another device"
      lead={
        <>
          This computer becomes another device of yours. On the one that you have, open Settings and
          choose <em>Link a new device</em>: it shows a code.
        </>
      }
      yes="Link this computer"
      onMake={make}
      back="I have no other device"
      onBack={onBack}
      progress={
        rows.value !== null && (
          <p role="status">
            {rows.value === 0
              ? 'Reaching the other device…'
              : `${count(rows.value, 'row')} so far. Leave both open.`}
          </p>
        )
      }
    >
      <Pasted
        label="The code"
        hint="It works once, within ten minutes."
        value={code.value}
        onText={text => (code.value = text)}
      />
      {isJoinLink(code.value) && (
        <Misplaced way={{ name: 'Make a key and join', onGo: () => onLink(code.value.trim()) }}>
          That is a link by which one joins a network, and no code of a device.
        </Misplaced>
      )}
      <Field label="Name of this device" hint="The computer's own, unless you say another.">
        {(id, describedBy) => (
          <input
            id={id}
            aria-describedby={describedBy}
            maxLength={64}
            autocomplete="off"
            value={name}
            onInput={e => (name.value = e.currentTarget.value)}
          />
        )}
      </Field>
      <label class="check">
        <input
          type="checkbox"
          checked={history}
          onChange={e => (history.value = e.currentTarget.checked)}
        />
        With my letters and drafts
      </label>
    </NewHome>
  )
}
