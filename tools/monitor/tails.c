#include "tools/monitor/tails.h"

#include <math.h>

enum { MOST_TERMS = 100000 };

double tail_log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* x^a e^-x / gamma(a), which series and fraction have in common. */
static double gamma_front(double a, double x)
{
    return exp(a * log(x) - x - tail_log_gamma(a));
}

/* The regularised lower incomplete gamma function by its series, for x < a + 1. */
static double gamma_low(double a, double x)
{
    double term = 1 / a, sum = term;
    for (int k = 1; k < MOST_TERMS && term > sum * 1e-17; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum * gamma_front(a, x);
}

/* The upper one by its continued fraction, for x >= a + 1 (Lentz's way of evaluating it). */
static double gamma_high(double a, double x)
{
    const double least = 1e-300;
    double b = x + 1 - a, c = 1 / least, d = 1 / b, h = d;
    for (int k = 1; k < MOST_TERMS; k++) {
        const double an = -k * (k - a);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < least ? least : d);
        c = b + an / c;
        c = fabs(c) < least ? least : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16)
            break;
    }
    return h * gamma_front(a, x);
}

double tail_chi2(double x, double dof)
{
    const double a = dof / 2;
    x /= 2;
    if (isnan(x) || !(a > 0))
        return NAN;
    if (x <= 0)
        return 1;
    return x < a + 1 ? 1 - gamma_low(a, x) : gamma_high(a, x);
}

double tail_chi2_limit(double p, double dof)
{
    double low = 0, high = dof + 1;
    while (tail_chi2(high, dof) > p && high < 1e15)
        high *= 2;
    for (int i = 0; i < 200 && high - low > high * 1e-12; i++) {
        const double middle = (low + high) / 2;
        if (tail_chi2(middle, dof) > p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

double tail_normal(double x)
{
    return erfc(x / sqrt(2)) / 2;
}

double tail_kolmogorov(double x)
{
    const double pi = acos(-1);
    double sum = 0;
    if (isnan(x))
        return NAN;
    if (x <= 0)
        return 1;
    if (x < 0.8) { /* the theta function turned around, which needs few terms here */
        for (int k = 1; k < 40; k += 2)
            sum += exp(-k * k * pi * pi / (8 * x * x));
        return 1 - sqrt(2 * pi) / x * sum;
    }
    for (int k = 1; k < 40; k++)
        sum += (k & 1 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return sum;
}
