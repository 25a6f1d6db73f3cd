import { z } from 'zod'
import type { Dice } from './dice.ts'

const positive = z.number().positive()
const amount = z.number().nonnegative()

/** `scale` of a Pareto is its least value; what would be above `max` is drawn again, so to speak. */
const plain = [
  z.strictObject({ type: z.literal('constant'), value: amount }),
  z
    .strictObject({ type: z.literal('uniform'), from: amount, to: amount })
    .refine(({ from, to }) => from <= to, 'uniform: `from` is above `to`'),
  z.strictObject({ type: z.literal('exponential'), mean: positive }),
  z.strictObject({ type: z.literal('weibull'), shape: positive, scale: positive }),
  z
    .strictObject({
      type: z.literal('pareto'),
      shape: positive,
      scale: positive,
      max: positive.optional()
    })
    .refine(
      ({ scale, max }) => max === undefined || max > scale,
      'pareto: `max` is not above `scale`'
    ),
  /** exp(mu + sigma x normal). */
  z.strictObject({ type: z.literal('lognormal'), mu: z.number(), sigma: amount })
] as const
const Plain = z.discriminatedUnion('type', plain)

interface Fit {
  /** What was measured, and in which unit. */
  readonly what: string
  readonly is: z.infer<typeof Plain>
  readonly source: string
  /** Whether whoever wrote it down here had the source itself before their eyes. */
  readonly read: boolean
}

/** Published ones. */
export const fits = {
  'bittorrent-2006': {
    what: 'sessions of BitTorrent peers (Debian images), hours',
    is: { type: 'weibull', shape: 0.38, scale: 42.4 / 60 },
    source:
      'Stutzbach and Rejaie, Understanding Churn in Peer-to-Peer Networks, IMC 2006, doi 10.1145/1177080.1177105; as slides about it give it',
    read: false
  },
  'gnutella-2003': {
    what: 'sessions of Gnutella peers that last 20 minutes or more, hours; cut off at the week that was measured',
    is: { type: 'pareto', shape: 1.06, scale: 1 / 3, max: 168 },
    source:
      'Bustamante and Qiao, Friendships that Last: Peer Lifespan and its Role in P2P Protocols, WCW 2003, doi 10.1007/1-4020-2258-1_16; shape and least value from memory',
    read: false
  },
  'ipfs-2022': {
    what: 'sessions of IPFS DHT servers, hours: the Weibull curve through two points, 87.6 % below 8 hours and 2.5 % above 24',
    is: { type: 'weibull', shape: 0.518, scale: 1.93 },
    source:
      'Trautwein and others, Design and Evaluation of IPFS, SIGCOMM 2022, doi 10.1145/3544216.3544232; the two points were written down from memory, the curve through them is ours',
    read: false
  }
} as const satisfies Record<string, Fit>

type FitName = keyof typeof fits
const fitNames = Object.keys(fits) as [FitName, ...FitName[]]

/** Lengths of time, sizes and the like; the unit is that of the field it stands in. `fit` is a published one, in hours: {@link fits} */
export const Distribution = z.discriminatedUnion('type', [
  ...plain,
  z.strictObject({ type: z.literal('fit'), name: z.enum(fitNames) })
])
export type Distribution = z.infer<typeof Distribution>

/** Draws one value; how many numbers that takes depends on the type alone. Exact to the bit on one version of V8. */
export function draw(from: Distribution, dice: Dice): number {
  switch (from.type) {
    case 'constant':
      return from.value
    case 'uniform':
      return from.from + (from.to - from.from) * dice.next()
    case 'exponential':
      return -from.mean * Math.log(1 - dice.next())
    case 'weibull':
      return from.scale * (-Math.log(1 - dice.next())) ** (1 / from.shape)
    case 'pareto':
      return from.scale * (1 - dice.next() * (1 - tail(from))) ** (-1 / from.shape)
    case 'lognormal':
      return Math.exp(from.mu + from.sigma * normal(dice))
    case 'fit':
      return draw(fits[from.name].is, dice)
  }
}

/**
 * The whole length of one that is under way at a random moment: long ones are met more often, by their length. How far it has come is
 * even over it. Infinity where {@link meanOf} is.
 */
export function drawUnderWay(from: Distribution, dice: Dice): number {
  switch (from.type) {
    case 'constant':
      return from.value
    case 'uniform':
      return Math.sqrt(from.from ** 2 + (from.to ** 2 - from.from ** 2) * dice.next())
    case 'exponential':
      return from.mean * drawGamma(2, dice)
    case 'weibull':
      return from.scale * drawGamma(1 + 1 / from.shape, dice) ** (1 / from.shape)
    case 'pareto':
      return paretoUnderWay(from, dice)
    case 'lognormal':
      return draw({ ...from, mu: from.mu + from.sigma ** 2 }, dice)
    case 'fit':
      return drawUnderWay(fits[from.name].is, dice)
  }
}

/** Infinity where there is none: a Pareto with a shape of at most 1 and no `max`. */
export function meanOf(of: Distribution): number {
  switch (of.type) {
    case 'constant':
      return of.value
    case 'uniform':
      return (of.from + of.to) / 2
    case 'exponential':
      return of.mean
    case 'weibull':
      return of.scale * gamma(1 + 1 / of.shape)
    case 'pareto':
      return meanOfPareto(of)
    case 'lognormal':
      return Math.exp(of.mu + of.sigma ** 2 / 2)
    case 'fit':
      return meanOf(fits[of.name].is)
  }
}

type Pareto = Extract<Distribution, { type: 'pareto' }>

/** Part of the unbounded one that lies above `max`. */
const tail = ({ shape, scale, max }: Pareto) => (max === undefined ? 0 : (scale / max) ** shape)

function meanOfPareto(of: Pareto): number {
  const { shape, scale, max } = of
  if (max === undefined) return shape > 1 ? (shape * scale) / (shape - 1) : Number.POSITIVE_INFINITY
  const below = 1 - tail(of)
  if (shape === 1) return (scale * Math.log(max / scale)) / below
  return ((shape * scale) / (shape - 1)) * ((1 - (scale / max) ** (shape - 1)) / below)
}

function paretoUnderWay({ shape, scale, max }: Pareto, dice: Dice): number {
  const lot = dice.next()
  const power = 1 - shape
  if (max !== undefined && power === 0) return scale * (max / scale) ** lot
  if (max === undefined && power >= 0) return Number.POSITIVE_INFINITY
  const [low, high] = [scale ** power, max === undefined ? 0 : max ** power]
  return (low + lot * (high - low)) ** (1 / power)
}

/** Marsaglia and Tsang, ACM Transactions on Mathematical Software 26 (2000); shape 1 or more, scale 1. */
function drawGamma(shape: number, dice: Dice): number {
  const d = shape - 1 / 3
  for (;;) {
    const x = normal(dice)
    const v = (1 + x / Math.sqrt(9 * d)) ** 3
    if (v > 0 && Math.log(1 - dice.next()) < x ** 2 / 2 + d * (1 - v + Math.log(v))) return d * v
  }
}

/** Box and Muller. */
const normal = (dice: Dice) =>
  Math.sqrt(-2 * Math.log(1 - dice.next())) * Math.cos(2 * Math.PI * dice.next())

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7
]

/** Lanczos's approximation with g = 7, good to 15 digits; x is 1 or more. */
function gamma(x: number): number {
  const t = x + 6.5
  const sum = lanczos.reduce((sum, c, i) => sum + c / (x + i), 0.9999999999998099)
  return Math.sqrt(2 * Math.PI) * t ** (x - 0.5) * Math.exp(-t) * sum
}
