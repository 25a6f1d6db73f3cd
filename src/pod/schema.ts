import type { Schema } from '../store/upgrade/schema.ts'
import { addressRow } from './addresses/rows.ts'
import { tables } from './rows.ts'

/** Versions of what a pod keeps. What is only added, in tables of its own, needs none: who does not know it leaves it alone. */
export const podSchema: Schema = {
  kind: 'pod',
  steps: [
    {
      what: 'addresses say what is done with what comes there',
      value: ({ table, value }) =>
        table === tables.addresses ? addressRow.encode(addressRow.decode(value)) : value
    }
  ]
}
