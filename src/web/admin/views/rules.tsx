import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { NamesView } from '../../../pod/office/office.ts'
import type { RateView } from '../../../pod/office/settings.ts'
import { Button, Trouble } from '../../parts/basics.tsx'
import { Section } from '../../parts/section.tsx'
import { useRun } from '../../parts/use-run.ts'
import { Safe } from '../../text/safe.tsx'
import { get, part, post } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { isOwner } from '../data/session.ts'
import { done, press } from '../parts/deed.ts'
import { Desk, Known, Line, Table } from '../parts/desk.tsx'

export function Rules(): JSX.Element {
  const names = useLoad(() => get<NamesView>('pod/names'))
  const rates = useLoad(() => get<RateView[]>('pod/rates'))
  return (
    <Desk title="Names and rates">
      <div>
        <Section title="Reserved names" note="Nobody gets these here; who has one keeps it.">
          <Known of={names}>{known => <Names known={known} />}</Known>
        </Section>
        <Section
          title="Rates"
          note="So many at once, and so many an hour given back; at all processes at once."
        >
          <Known of={rates}>
            {known => (
              <Table label="Rates" heads={['Rate', 'At once', 'An hour', '']}>
                {known.map(rate => (
                  <RateLine key={`${rate.rate} ${rate.burst} ${rate.perHour}`} rate={rate} />
                ))}
              </Table>
            )}
          </Known>
        </Section>
      </div>
    </Desk>
  )
}

const reserve = (names: readonly string[]) => post('pod/names/reserve', { names })
const allow = (names: readonly string[]) => post('pod/names/allow', { names })

function Names({ known }: { known: NamesView }): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const typed = useSignal('')
  const shut = [...known.reserved, ...known.always.filter(name => !known.allowed.includes(name))]
  return (
    <>
      {isOwner() && (
        <form
          class="inline-form"
          onSubmit={event =>
            void run(event, async () => {
              const names = typed.value.split(/[\s,]+/).filter(name => name !== '')
              await done(
                () => reserve(names),
                'Reserved.',
                () => allow(names)
              )
              typed.value = ''
            })
          }
        >
          <Line label="More names" value={typed.value} onValue={value => (typed.value = value)} />
          <Button type="submit" busy={isBusy}>
            Reserve
          </Button>
        </form>
      )}
      <Trouble problem={problem} />
      <ul class="names">
        {shut.map(name => (
          <li class="name" key={name}>
            <Safe text={name} />
            {isOwner() && (
              <Button
                icon="close"
                kind="quiet"
                label={`Allow ${name}`}
                onClick={() =>
                  press(
                    () => allow([name]),
                    `Anybody may take ${name} now.`,
                    () => reserve([name])
                  )
                }
              />
            )}
          </li>
        ))}
      </ul>
      {known.allowed.length > 0 && (
        <p class="hint">
          Allowed here, though nobody gets them elsewhere: {known.allowed.join(', ')}.
        </p>
      )}
    </>
  )
}

function RateLine({ rate: r }: { rate: RateView }): JSX.Element {
  const burst = useSignal(String(r.burst))
  const perHour = useSignal(String(r.perHour))
  const path = `pod/rates/${part(r.rate)}`
  const isUsual = r.burst === r.usual.burst && r.perHour === r.usual.perHour
  const isChanged = burst.value !== String(r.burst) || perHour.value !== String(r.perHour)
  const set = (said: { burst: number; perHour: number }) => post(path, said)
  const before = { burst: r.burst, perHour: r.perHour }
  const field = (label: string, value: string, onValue: (value: string) => void) => (
    <input
      class="short"
      type="number"
      min={0}
      aria-label={`${r.rate}: ${label}`}
      value={value}
      disabled={!isOwner()}
      onInput={event => onValue(event.currentTarget.value)}
    />
  )
  return (
    <tr>
      <td class="wide">
        {r.rate}
        <p class="hint">
          Usually {r.usual.burst}, {r.usual.perHour} an hour
        </p>
      </td>
      <td>{field('at once', burst.value, value => (burst.value = value))}</td>
      <td>{field('an hour', perHour.value, value => (perHour.value = value))}</td>
      <td class="row-buttons">
        {isOwner() && isChanged && (
          <Button
            kind="primary"
            onClick={() =>
              press(
                () => set({ burst: Number(burst.value), perHour: Number(perHour.value) }),
                'Set.',
                () => set(before)
              )
            }
          >
            Set
          </Button>
        )}
        {isOwner() && !isChanged && !isUsual && (
          <Button
            onClick={() =>
              press(
                () => post(`${path}/reset`),
                'As usual.',
                () => set(before)
              )
            }
          >
            As usual
          </Button>
        )}
      </td>
    </tr>
  )
}
