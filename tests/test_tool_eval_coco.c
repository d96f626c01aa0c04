/* COCO's metrics against the reference's numbers: each folder with gt.json, dt.json and
 * expected.json is a case. */
#include "tests/eval_vectors.h"

#include "tools/cli.h"
#include "tools/eval/read_detect.h"

/* A case as it was read, matched and summed up. */
struct run {
    struct infer__region region;
    struct detect_set set;
    struct read_skipped skipped;
    struct detect_matches matches;
    struct detect_tables tables;
    yyjson_val *expected;
};

static enum detect_kind kind_of(const char *name)
{
    return strcmp(name, "segm") == 0   ? DETECT_MASK
           : strcmp(name, "bbox") == 0 ? DETECT_BOX
                                       : DETECT_KEYPOINTS;
}

static void read_sigmas(yyjson_val *list, double *sigmas, struct detect_options *options)
{
    yyjson_arr_iter it;
    uint32_t n = 0;
    assert_true(yyjson_arr_size(list) <= 17);
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;)
        sigmas[n++] = yyjson_get_num(v);
    options->sigmas = sigmas;
    options->nsigmas = n;
}

static void good(infer_status status, const infer_error *err, const char *what)
{
    if (status != INFER_OK)
        fail_msg("%s: %s", what, err->message);
}

static void run_case(const char *folder, struct run *r)
{
    char path[700];
    infer_error err;
    double sigmas[17];
    struct detect_options options = {0};
    infer__region_init(&r->region, NULL);
    r->set.region = r->set.pictures.region = r->set.classes.region = &r->region;
    r->set.kind = kind_of(yyjson_get_str(yyjson_obj_get(r->expected, "iouType")));
    options.class_agnostic = yyjson_get_num(yyjson_obj_get(r->expected, "useCats")) == 0;
    read_sigmas(yyjson_obj_get(r->expected, "sigmas"), sigmas, &options);
    snprintf(path, sizeof path, "%s/gt.json", folder);
    assert_int_equal(read_coco(path, &r->set, &r->skipped), CLI_OK);
    snprintf(path, sizeof path, "%s/dt.json", folder);
    assert_int_equal(read_coco_results(path, &r->set, &r->skipped), CLI_OK);
    good(detect_match(&r->set, &options, &r->matches, &err), &err, folder);
    good(detect_tables_new(&r->region, r->matches.nclasses, 1, &r->tables, &err), &err, folder);
    detect_accumulate(&r->matches, NULL, &r->tables);
}

static void check_parameters(const struct run *r)
{
    const struct detect_matches *m = &r->matches;
    yyjson_val *ranges = yyjson_obj_get(r->expected, "areaRng");
    yyjson_val *cuts = yyjson_obj_get(r->expected, "maxDets");
    near_list(m->ious, DETECT_IOUS, yyjson_obj_get(r->expected, "iouThrs"), "iouThrs");
    assert_int_equal(m->nranges, yyjson_arr_size(ranges));
    for (int i = 0; i < m->nranges; i++)
        near_list(m->ranges[i], 2, yyjson_arr_get(ranges, (size_t)i), "areaRng");
    assert_int_equal(m->ncuts, yyjson_arr_size(cuts));
    for (int i = 0; i < m->ncuts; i++)
        near_value(m->cuts[i], yyjson_arr_get(cuts, (size_t)i), "maxDets");
}

static void check_stats(const struct run *r)
{
    const char *names[DETECT_MOST_STATS];
    double values[DETECT_MOST_STATS];
    yyjson_val *stats = yyjson_obj_get(r->expected, "stats");
    const int n = detect_stats(r->set.kind, &r->matches, &r->tables, names, values);
    assert_int_equal(n, yyjson_obj_size(stats));
    for (int i = 0; i < n; i++)
        near_key(values[i], stats, names[i]);
}

static void check_class(const struct run *r, yyjson_val *want, uint32_t class)
{
    const struct detect_tables *t = &r->tables;
    const struct detect_matches *m = &r->matches;
    char key[40];
    for (int range = 0; range < m->nranges; range++) {
        snprintf(key, sizeof key, "AP_%s", m->range_names[range]);
        near_key(detect_class_ap(t, class, range), want, key);
        snprintf(key, sizeof key, "AR_%s", m->range_names[range]);
        near_key(detect_class_ar(m, t, class, range), want, key);
    }
    near_list(t->ap[class][0], DETECT_IOUS, yyjson_obj_get(want, "AP_by_iou"), "AP_by_iou");
    near_list(t->recall[class][0][m->ncuts - 1], DETECT_IOUS, yyjson_obj_get(want, "recall_by_iou"),
              "recall_by_iou");
    near_list(t->curve[class][0], DETECT_RECALLS, yyjson_obj_get(want, "precision_at_iou0.5"),
              "precision_at_iou0.5");
}

static void check_classes(const struct run *r)
{
    yyjson_val *list = yyjson_obj_get(r->expected, "per_category");
    yyjson_arr_iter it;
    uint32_t n = 0;
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL; n++) {
        const int64_t id = yyjson_get_sint(yyjson_obj_get(v, "category_id"));
        const int64_t class = id < 0 ? 0 : names_by_id(&r->set.classes, id);
        assert_true(class >= 0 && class < r->matches.nclasses);
        check_class(r, v, (uint32_t) class);
    }
    assert_int_equal(n, r->matches.nclasses);
}

static void check_counts(const struct run *r)
{
    const struct detect_matches *m = &r->matches;
    yyjson_val *want = yyjson_obj_get(r->expected, "counts");
    double fates[3] = {0, 0, 0}, ignored = 0;
    if (!want)
        return;
    for (uint32_t i = 0; i < m->nanswers; i++)
        fates[m->answers[i].fate[0][0]]++;
    for (uint32_t i = 0; i < m->ntruths; i++)
        ignored += m->truths[i].ignored[0];
    near_key(m->ntruths, want, "gt");
    near_key(ignored, want, "gt_ignored");
    near_key(m->ntruths - ignored, want, "gt_counted");
    near_key(m->nanswers, want, "dt_kept");
    near_key(fates[FATE_RIGHT], want, "tp_at_0.5");
    near_key(fates[FATE_WRONG], want, "fp_at_0.5");
    near_key(fates[FATE_IGNORED], want, "dt_ignored_at_0.5");
}

/* The answers of a class and picture, by rank. */
static const struct detect_answer *answer_of(const struct detect_matches *m, uint32_t class,
                                             uint32_t picture, uint32_t rank)
{
    for (uint32_t i = m->answer_start[class]; i < m->answer_start[class + 1]; i++)
        if (m->answers[i].picture == picture && m->answers[i].rank == rank)
            return &m->answers[i];
    return NULL;
}

static void check_match(const struct run *r, yyjson_val *want)
{
    const struct detect_matches *m = &r->matches;
    const int64_t id = yyjson_get_sint(yyjson_obj_get(want, "category_id"));
    const uint32_t class = id < 0 ? 0 : (uint32_t)names_by_id(&r->set.classes, id);
    const uint32_t picture =
        (uint32_t)names_by_id(&r->set.pictures, yyjson_get_sint(yyjson_obj_get(want, "image_id")));
    yyjson_val *ids = yyjson_obj_get(want, "dt"), *gt = yyjson_obj_get(want, "gt");
    const size_t n = yyjson_arr_size(ids);
    assert_null(answer_of(m, class, picture, (uint32_t)n));
    for (uint32_t i = 0; i < n; i++) {
        const struct detect_answer *a = answer_of(m, class, picture, i);
        assert_non_null(a);
        near_value((double)a->object->id, yyjson_arr_get(ids, i), "dt");
        near_value(a->partner ? (double)a->partner->id : 0,
                   yyjson_arr_get(yyjson_obj_get(want, "dtMatch_at_0.5"), i), "dtMatch");
        near_value(a->fate[0][0] == FATE_IGNORED,
                   yyjson_arr_get(yyjson_obj_get(want, "dtIgnore_at_0.5"), i), "dtIgnore");
    }
    /* the truths: those to be ignored last */
    uint32_t seen = 0;
    for (int ignored = 0; ignored < 2; ignored++)
        for (uint32_t i = m->truth_start[class]; i < m->truth_start[class + 1]; i++) {
            if (m->truths[i].picture != picture || m->truths[i].ignored[0] != ignored)
                continue;
            near_value((double)m->truths[i].object->id, yyjson_arr_get(gt, seen), "gt");
            near_value(ignored, yyjson_arr_get(yyjson_obj_get(want, "gtIgnore"), seen), "gtIgnore");
            seen++;
        }
    assert_int_equal(seen, yyjson_arr_size(gt));
}

static void check_matches(const struct run *r)
{
    yyjson_val *list = yyjson_obj_get(r->expected, "matches");
    yyjson_arr_iter it;
    if (!list)
        return;
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;)
        check_match(r, v);
}

static void check_case(const char *folder)
{
    struct run r = {0};
    yyjson_doc *doc = load_vectors(folder, "expected.json");
    const unsigned long before = compared;
    print_message("%s\n", folder);
    r.expected = yyjson_doc_get_root(doc);
    run_case(folder, &r);
    check_parameters(&r);
    check_stats(&r);
    check_classes(&r);
    check_counts(&r);
    check_matches(&r);
    assert_true(compared - before > 100);
    infer__region_free(&r.region);
    yyjson_doc_free(doc);
}

static void own_cases(void **state)
{
    (void)state;
    const int n = each_case(OWN_VECTORS "coco", "gt.json", check_case);
    assert_true(n >= 3);
    say_compared("COCO, own cases", n);
}

static void shared_cases(void **state)
{
    (void)state;
    const char *root = shared_vectors("coco");
    if (!root)
        return;
    const int n = each_case(root, "gt.json", check_case);
    assert_true(n > 0);
    say_compared("COCO, shared cases", n);
}

/* Resampling counts pictures: all of them twice changes nothing, one of them alone is that picture
 * by itself. */
static void weights_count(void **state)
{
    (void)state;
    struct run r = {0};
    const char *names[DETECT_MOST_STATS];
    double once[DETECT_MOST_STATS], twice[DETECT_MOST_STATS];
    yyjson_doc *doc = load_vectors(OWN_VECTORS "coco/boxes", "expected.json");
    r.expected = yyjson_doc_get_root(doc);
    run_case(OWN_VECTORS "coco/boxes", &r);
    uint32_t *weights = calloc(r.matches.npictures, sizeof *weights);
    assert_non_null(weights);
    for (uint32_t i = 0; i < r.matches.npictures; i++)
        weights[i] = 2;
    const int n = detect_stats(r.set.kind, &r.matches, &r.tables, names, once);
    detect_accumulate(&r.matches, weights, &r.tables);
    detect_stats(r.set.kind, &r.matches, &r.tables, names, twice);
    for (int i = 0; i < n; i++)
        near_at(twice[i], once[i], 1e-12, names[i]);
    memset(weights, 0, r.matches.npictures * sizeof *weights);
    detect_accumulate(&r.matches, weights, &r.tables);
    detect_stats(r.set.kind, &r.matches, &r.tables, names, twice);
    for (int i = 0; i < n; i++)
        near_at(twice[i], -1, 0, names[i]);
    free(weights);
    infer__region_free(&r.region);
    yyjson_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_cases),
        cmocka_unit_test(shared_cases),
        cmocka_unit_test(weights_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
