const factor: number = 3
export const triple = ({ n }: { n: number }): number => n * factor
