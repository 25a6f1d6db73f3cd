import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { OwnSuccession } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { devices, succeedKey, succession } from '../data/devices.ts'
import { attempt, sentence, tell } from '../data/toasts.ts'
import { Button, Fingerprint } from '../parts/basics.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Icon } from '../parts/icons.tsx'
import { Section } from '../parts/section.tsx'
import { apart, moment } from '../text/format.ts'

/** A new primary key in the place of the own one. Source: docs/protocol/succession.md */
export function NewKey(): JSX.Element {
  const isAsking = useSignal(false)
  const others = devices.value?.filter(({ own, revokedMs }) => !own && revokedMs === null) ?? []
  return (
    <Section
      title="A new key"
      note="For a key that is old, or was on a machine that is gone. The old one names the new one, and people follow."
    >
      {succession.value && <Progress of={succession.value} />}
      {others.length > 0 && (
        <p class="hint">
          These devices get the new key, too: {others.map(({ name }) => name).join(', ')}. Revoke
          those first that are not yours alone any more.
        </p>
      )}
      <div class="buttons">
        <Button disabled={devices.value === null} onClick={() => (isAsking.value = true)}>
          Take a new key
        </Button>
      </div>
      {isAsking.value && (
        <Confirm
          title="Take a new key?"
          yes="Take a new key"
          no="Keep this one"
          onClose={() => (isAsking.value = false)}
          onYes={async () => {
            await attempt(async () => {
              await succeedKey()
              tell('You have a new key. Make a new backup now.')
            })
          }}
        >
          Your old key signs that the new one is its successor. Your pods give it your addresses and
          letters, and people who write to you follow by themselves, are told, and should compare
          keys with you again. Nothing takes this back. Make a new backup afterwards: the ones you
          have hold the old key alone.
        </Confirm>
      )}
    </Section>
  )
}

const Progress = ({
  of: { from, sinceMs, pods, devicesTold, eraseMs }
}: {
  of: OwnSuccession
}): JSX.Element => (
  <div class="stack">
    <p>
      {devicesTold
        ? `Your key took the place of this one ${apart(sinceMs, nowMs.value)}:`
        : 'A new key is to take the place of this one; your other devices are told first:'}
    </p>
    <Fingerprint hex={from} />
    <ul class="plain-list">
      {pods.map(({ pod, taken, problem }) => (
        <li class="handed">
          <Icon name={taken ? 'check' : 'clock'} size={16} />
          <span>
            {taken
              ? `${pod} has given your addresses to the new key.`
              : `${pod} has not yet; it is told while your node runs.${problem ? ` ${sentence(problem.message)}` : ''}`}
          </span>
        </li>
      ))}
    </ul>
    <p class="hint">
      {eraseMs === null
        ? 'What is sealed to the old key can be read until all pods have the new one, and some months more.'
        : `What is sealed to the old key can be read until ${moment(eraseMs, nowMs.value)}; then its secrets are erased.`}
    </p>
  </div>
)
