/**
 * Reads quickly what stands in every one of a bundle's hundreds of rows: moments and empty arrays. The general
 * parsers of `pg` took a tenth of its time; they still read everything else.
 */
import { TypeOverrides } from 'pg'

const timestamptz = 1184
const textArray = 1009

/** As a session in UTC prints it: `2026-11-23 09:55:52.123456+00`. */
const inUtc = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00$/

type Parse<T> = (text: string) => T
const parserOf = <T>(oid: number) => new TypeOverrides().getTypeParser(oid) as unknown as Parse<T>
const parseMoment = parserOf<Date>(timestamptz)
const parseTextArray = parserOf<string[]>(textArray)

export const quickTypes = new TypeOverrides()
quickTypes.setTypeParser(timestamptz, (text) =>
  inUtc.test(text) ? new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`) : parseMoment(text),
)
quickTypes.setTypeParser(textArray, (text) => (text === '{}' ? [] : parseTextArray(text)))
