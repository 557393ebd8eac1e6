// The version of Snug, as package.json has it (a test holds the two against each other).
export const version = '0.1.0';
